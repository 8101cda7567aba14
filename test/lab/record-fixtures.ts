/**
 * Records the answers of a real engine into fixtures/docker/<version>. Run it as root where the lab
 * runs: npx tsc --build && node build/test/lab/record-fixtures.js [folder]
 *
 * `folder` holds another Debian release, whose dockerd is taken:
 * debootstrap --variant=minbase --include=docker.io,iptables,iproute2,ca-certificates forky <folder>
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { hostname, release as kernel } from 'node:os';
import { join } from 'node:path';
import { EVENT_FILTERS } from '../../src/adapters/docker-events.ts';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { isObject } from '../../src/core/docker/reader.ts';
import type { Engine } from './engine.ts';
import { makeFixtureStack } from './fixture-stack.ts';
import { openLab } from './lab.ts';

/** Of the machine, not of Docker. */
const NOT_RECORDED = [
  'ID',
  'Name',
  'Labels',
  'HttpProxy',
  'HttpsProxy',
  'NoProxy',
  'RegistryConfig',
  'IndexServerAddress',
];

const lab = await openLab();
try {
  const [root] = process.argv.slice(2);
  const engine = await lab.startEngine({ ipv6: true, ...(root !== undefined && { root }) });
  const info: unknown = JSON.parse(await answer(engine, '/info'));
  const version: unknown = JSON.parse(await answer(engine, '/version'));
  const [, release] = /^(\d+\.\d+)/.exec(textOf(version, 'Version')) ?? [];
  const folder = join(packageRoot(), 'fixtures', 'docker', release ?? 'unknown');
  await mkdir(folder, { recursive: true });

  const events = await listen(engine);
  await makeFixtureStack(engine);
  const list = await answer(engine, '/containers/json?all=1');
  const listed: unknown = JSON.parse(list);
  const ids = Array.isArray(listed) ? listed.map((entry: unknown) => textOf(entry, 'Id')) : [];
  const inspected: string[] = [];
  for (const id of ids) inspected.push(await answer(engine, `/containers/${id}/json`));

  const save = (name: string, text: string): Promise<void> =>
    writeFile(join(folder, name), anonymous(text, lab.folder));
  await save('containers.json', pretty(list));
  await save('inspect.json', pretty(`[${inspected.join(',')}]`));
  await save('networks.json', pretty(await answer(engine, '/networks')));
  await save('version.json', pretty(JSON.stringify(version)));
  await save('info.json', pretty(JSON.stringify(withoutMachine(info))));
  await save('events.jsonl', events.stop());
  console.error(`recorded ${ids.length} containers in ${folder}`);
} finally {
  await lab.close();
}

function answer({ socket }: Engine, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const query = request({ socketPath: socket, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', reject).once('end', () => resolve(text));
    });
    query.once('error', reject).end();
  });
}

/** The lines of the event stream until `stop`. */
async function listen({ socket }: Engine): Promise<{ stop: () => string }> {
  const path = `/events?filters=${encodeURIComponent(JSON.stringify(EVENT_FILTERS))}`;
  const query = request({ socketPath: socket, path }).end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    query.once('response', resolve).once('error', reject);
  });
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return {
    stop: () => {
      query.on('error', () => {}).destroy();
      return text;
    },
  };
}

function textOf(value: unknown, key: string): string {
  const text = isObject(value) ? value[key] : undefined;
  if (typeof text !== 'string') throw new Error(`no ${key} in ${JSON.stringify(value)}`);
  return text;
}

function pretty(json: string): string {
  return `${JSON.stringify(JSON.parse(json), null, 2)}\n`;
}

function withoutMachine(info: unknown): object {
  if (!isObject(info)) throw new Error('GET /info gave no object');
  return Object.fromEntries(Object.entries(info).filter(([key]) => !NOT_RECORDED.includes(key)));
}

/** The engine's folders as they are on an ordinary host. */
function anonymous(text: string, labFolder: string): string {
  const at = join(labFolder, 'docker');
  return text
    .replaceAll(join(at, 'data'), '/var/lib/docker')
    .replaceAll(join(at, 'exec'), '/var/run/docker')
    .replaceAll(at, '/run')
    .replaceAll(`"${kernel()}"`, '"6.1.0"')
    .replaceAll(`"${hostname()}"`, '"lab"');
}
