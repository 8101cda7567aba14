/** Who may ask a manager for the services, and what strangers can do to it. Certificates as a Swarm makes them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createLog } from '../../src/adapters/log.ts';
import { run } from '../../src/adapters/run.ts';
import { openManager } from '../../src/adapters/swarm-client.ts';
import { readSwarmIdentity, type SwarmIdentity } from '../../src/adapters/swarm-identity.ts';
import { serveServices, type SwarmServer } from '../../src/adapters/swarm-server.ts';
import { askOneManager } from '../../src/app/ask-managers.ts';
import { aFollowing, aService } from '../../src/app/following.fixture.ts';
import { createBell } from '../../src/app/wait.ts';
import { settingsSchema } from '../../src/core/settings-schema.ts';
import { ServiceRegistry } from '../../src/core/swarm/service-registry.ts';
import { waitUntil } from '../lab/wait-until.ts';

const folder = mkdtempSync(join(tmpdir(), 'portcullis-swarm-'));
const signal = new AbortController().signal;
const registry = new ServiceRegistry('epoch');
const lines: string[] = [];
let known = true;
let port = 0;
let server: SwarmServer;

const openssl = (...args: readonly string[]): void =>
  void execFileSync('openssl', args, { stdio: 'pipe' });

/** A node's three files, as in Docker's folder. */
function nodeFolder(name: string, subject: string, ca: string): string {
  const at = join(folder, name);
  mkdirSync(at);
  const [key, request] = [join(at, 'swarm-node.key'), join(at, 'request')];
  openssl(
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', key, '-out', request, '-subj', subject],
  );
  openssl(
    ...['x509', '-req', '-in', request, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`],
    ...['-CAcreateserial', '-days', '30', '-out', join(at, 'swarm-node.crt')],
  );
  copyFileSync(`${ca}.crt`, join(at, 'swarm-root-ca.crt'));
  return at;
}

function authority(name: string): string {
  const at = join(folder, name);
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', `${at}.key`, '-out', `${at}.crt`, '-days', '30', '-subj', '/CN=swarm-ca'],
  );
  return at;
}

const log = createLog({
  level: 'debug',
  format: 'json',
  color: false,
  write: (line) => lines.push(line),
  now: () => new Date(),
});

const feedOf = (list: ServiceRegistry) => ({
  known: () => known,
  version: () => list.version,
  since: (version: string | undefined) => JSON.stringify(list.since(version)),
  async changed(ms: number, ended: AbortSignal): Promise<void> {
    const { version } = list;
    await waitUntil('', () => list.version !== version || ended.aborted, ms).catch(() => {});
  },
});

async function freePort(): Promise<number> {
  const taken = createServer().listen(0);
  await new Promise((resolve) => taken.once('listening', resolve));
  const address = taken.address();
  await new Promise((resolve) => taken.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

const served = (at: number): Promise<true> =>
  waitUntil(`port ${at} is served`, () =>
    lines.some((line) => line.includes('"swarm-served"') && line.includes(String(at))),
  );

let ca = '';
const nodes = new Map<string, SwarmIdentity>();
const identity = (name: string): SwarmIdentity => {
  const found = nodes.get(name);
  assert.ok(found, name);
  return found;
};

before(async () => {
  ca = authority('ca');
  const other = authority('other-ca');
  for (const [name, subject, by] of [
    ['manager', '/O=c1/OU=swarm-manager/CN=n1', ca],
    ['worker', '/O=c1/OU=swarm-worker/CN=n2', ca],
    ['of-another-cluster', '/O=c2/OU=swarm-worker/CN=n3', ca],
    ['manager-of-another-cluster', '/O=c2/OU=swarm-manager/CN=n5', ca],
    ['of-another-authority', '/O=c1/OU=swarm-manager/CN=n4', other],
  ] as const) {
    nodes.set(name, await readSwarmIdentity(nodeFolder(name, subject, by)));
  }
  port = await freePort();
  registry.replaceAll([aService('x')]);
  server = serveServices(port, identity('manager'), { feed: feedOf(registry), log });
  await served(port);
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const asking = (name: string, at = port) =>
  openManager('127.0.0.1', { port: at, identity: identity(name) });

test('a worker is told all services, then each change as it comes', async () => {
  const client = asking('worker');
  const first = await client.ask(undefined, signal);
  assert.deepEqual([first?.full, first?.changed.map(({ id }) => id)], [true, ['x']]);
  const next = client.ask(first?.version, signal);
  registry.apply({ changed: [aService('y')], gone: ['x'] });
  const news = await next;
  assert.deepEqual(
    [news?.full, news?.changed.map(({ id }) => id), news?.gone],
    [false, ['y'], ['x']],
  );
  known = false;
  await assert.rejects(client.ask(undefined, signal), /does not tell its services.*HTTP 503/);
  known = true;
  client.close();
});

for (const name of ['of-another-cluster', 'of-another-authority']) {
  test(`a node ${name.replaceAll('-', ' ')} is told nothing`, async () => {
    await assert.rejects(asking(name).ask(undefined, signal), { code: 'swarm-unavailable' });
  });
}

test('a client without a certificate is told nothing', async () => {
  const url = `https://127.0.0.1:${port}/v1/services`;
  const { code, stdout } = await run('curl', ['-sk', '-m', '10', '--noproxy', '*', url]);
  assert.notEqual(code, 0);
  assert.equal(stdout, '');
  await waitUntil('it is told', () =>
    lines.some((line) => /swarm-connection-refused.*did not return a certificate/.test(line)),
  );
});

test('a worker believes no one but a manager of its own Swarm', async () => {
  for (const name of ['worker', 'of-another-authority']) {
    const at = await freePort();
    const liar = serveServices(at, identity(name), { feed: feedOf(registry), log });
    await served(at);
    try {
      await assert.rejects(
        asking('worker', at).ask(undefined, signal),
        /it is no manager of this Swarm|certificate/,
      );
    } finally {
      liar.close();
    }
  }
});

test('the same authority is not enough, on either side: it must be the same cluster', async () => {
  const files = join(folder, 'of-another-cluster');
  const { stdout } = await run('curl', [
    ...['-sk', '-m', '10', '--noproxy', '*', '--cert', join(files, 'swarm-node.crt')],
    ...['--key', join(files, 'swarm-node.key'), `https://127.0.0.1:${port}/v1/services`],
  ]);
  assert.equal(stdout, '');
  const { cert, key } = identity('manager-of-another-cluster');
  const at = await freePort();
  const other = createHttpsServer({ cert, key }, (_asked, response) => response.end()).listen(at);
  try {
    await assert.rejects(asking('worker', at).ask(undefined, signal), /no manager of this Swarm/);
  } finally {
    other.close();
  }
});

test('connections that show no certificate keep nobody out, and are ended', async () => {
  const sockets: Socket[] = [];
  for (let index = 0; index < 400; index++) {
    const socket = connect({
      host: '127.0.0.1',
      port,
      localAddress: `127.0.0.${1 + (index % 100)}`,
    });
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await waitUntil('they are connected', () => sockets.every(({ connecting }) => !connecting));
  assert.ok(await asking('worker').ask(undefined, signal));
  await waitUntil('all are ended', () => sockets.every(({ closed }) => closed));
});

test('a port that is in use is tried again', async () => {
  const at = await freePort();
  const other = createServer().listen(at);
  await new Promise((resolve) => other.once('listening', resolve));
  const late = serveServices(at, identity('manager'), { feed: feedOf(registry), log });
  try {
    await waitUntil('it says so', () =>
      lines.some((line) => /swarm-not-served.*EADDRINUSE/.test(line)),
    );
    await new Promise((resolve) => other.close(resolve));
    await served(at);
    assert.ok(await asking('worker', at).ask(undefined, signal));
  } finally {
    late.close();
  }
});

test('a certificate that was renewed without a restart is used', async () => {
  const renewed = nodeFolder('renewed', '/O=c1/OU=swarm-manager/CN=n1', authority('new-ca'));
  server.renew(await readSwarmIdentity(renewed));
  await assert.rejects(asking('worker').ask(undefined, signal), /certificate/);
  server.renew(identity('manager'));
  assert.ok(await asking('worker').ask(undefined, signal));
});

test('a certificate and key of two pairs are read again, until they fit', async () => {
  const at = nodeFolder('half', '/O=c1/OU=swarm-worker/CN=n5', ca);
  const key = join(at, 'swarm-node.key');
  const right = readFileSync(key);
  copyFileSync(join(folder, 'worker', 'swarm-node.key'), key);
  const read = readSwarmIdentity(at);
  setTimeout(() => writeFileSync(key, right), 300);
  assert.equal((await read).nodeId, 'n5');
  writeFileSync(key, '');
  await assert.rejects(readSwarmIdentity(at), /are of two pairs/);
});

test('a locked key and a missing folder are told in one line', async () => {
  const at = nodeFolder('locked', '/O=c1/OU=swarm-manager/CN=n6', ca);
  const key = join(at, 'swarm-node.key');
  openssl('pkcs8', '-topk8', '-in', key, '-out', `${key}.new`, '-passout', 'pass:x');
  copyFileSync(`${key}.new`, key);
  await assert.rejects(readSwarmIdentity(at), /is encrypted.*swarm update --autolock=false/);
  await assert.rejects(readSwarmIdentity(join(folder, 'nowhere')), /ENOENT.*swarm\.certificates/);
});

/** A worker, with what it says. */
function worker(managers: readonly string[], at: number, random = () => 0) {
  const ended = new AbortController();
  const heard = createBell();
  const lost: string[] = [];
  const following = aFollowing({
    settings: settingsSchema.parse({ swarm: { port: at, certificates: join(folder, 'worker') } }),
    node: { nodeId: 'n2', manager: false, managers, dataRoot: '' },
    random,
    signal: ended.signal,
    confirmed: async () => heard.ring(),
    lost({ message }) {
      lost.push(message);
      ended.abort();
    },
  });
  return { following, lost, heard, ended };
}

// A round lasts longer than this limit.
test(
  'a worker leaves its manager when it hears that more may have changed',
  { timeout: 20_000 },
  async () => {
    const { following, lost, heard } = worker(['127.0.0.1'], port);
    const running = askOneManager(following);
    await heard.wait(20_000, signal);
    assert.deepEqual(following.registry.services, registry.services);
    following.bell.ring();
    await running;
    assert.deepEqual(lost, []);
  },
);

for (const dice of [
  [0, 0.5],
  [0.5, 0],
]) {
  test(`no manager answers: the same one's reason is told, asked in the order ${dice.join()}`, async () => {
    const { following, lost } = worker(
      ['127.0.0.2', '127.0.0.1'],
      await freePort(),
      () => dice.shift() ?? 0,
    );
    await askOneManager(following);
    assert.match(lost.join('\n'), /^the manager at 127\.0\.0\.1:\d+ does not tell its services.*$/);
  });
}
