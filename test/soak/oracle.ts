/** Compares what is, from outside and on disk, with what the model says. */
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { get } from '../lab/http.ts';
import { HOST_V4, HOST_V6 } from '../lab/lab.ts';
import { expectedOf, type Expected, type ExpectedPort, type ExpectedRoute } from './model.ts';
import { LINGER_MS, type World } from './world.ts';

const LIMIT_MS = 25_000;

export type Oracle = {
  /** Waits until all is as expected, and still is after a container has lingered; else says what is not. */
  mismatches(): Promise<readonly string[]>;
};

export function createOracle(world: World): Oracle {
  /** Every host that was ever expected. */
  const seen = new Set<string>();
  const look = async (): Promise<readonly string[]> => {
    const expected = expectedOf(await world.containers());
    const served = new Set([...expected.routes.values()].map(({ host }) => host));
    for (const host of served) seen.add(host);
    const found = await Promise.all([
      ...[...expected.routes.values()].map((route) => routeMismatch(world, route)),
      ...[...seen].filter((host) => !served.has(host)).map((host) => unserved(world, host)),
      ...expected.ports.map((port) => portMismatch(world, port)),
      leftovers(world, expected),
    ]);
    return found.flat();
  };
  return {
    async mismatches() {
      const deadline = performance.now() + LIMIT_MS;
      for (;;) {
        let found = await look();
        if (found.length === 0) {
          await delay(LINGER_MS * 1.5);
          found = await look();
          if (found.length === 0) return [];
        }
        if (performance.now() > deadline) return found;
        await delay(200);
      }
    },
  };
}

type Answered = { readonly status: number; readonly name: string };

async function ask({ lab }: World, host: string, path = '/'): Promise<Answered> {
  const url = `http://${HOST_V4}${path === '/' ? '' : path}/cgi-bin/echo`;
  const { status, body } = await get(lab.outside, url, { host });
  return { status, name: /^HOSTNAME=(.*)$/m.exec(body)?.[1] ?? '' };
}

async function routeMismatch(world: World, route: ExpectedRoute): Promise<readonly string[]> {
  const { host, path, who, names } = route;
  const met = new Set<string>();
  const enough = who === 'each' ? names.length : 1;
  for (let asked = 0; asked < 4 * enough && (asked < 3 || met.size < enough); asked += 1) {
    const { status, name } = await ask(world, host, path);
    met.add(status === 200 ? name : `status ${status}`);
  }
  const right =
    who === 'nobody'
      ? met.size === 1 && met.has('status 503')
      : [...met].every((name) => names.includes(name)) && met.size === enough;
  if (right) return [];
  return [`${host}${path}: expected ${who} of [${names.join(' ')}], met [${[...met].join(' ')}]`];
}

async function unserved(world: World, host: string): Promise<readonly string[]> {
  const { status, name } = await ask(world, host);
  return status === 0 ? [] : [`${host}: expected no such site, met ${status} ${name}`];
}

async function portMismatch(
  { agent, dockerRules }: World,
  { container, address, port, open }: ExpectedPort,
): Promise<readonly string[]> {
  if (open && !dockerRules) return [];
  // A public port is asked for over IPv4 only: this engine has no IPv6.
  const hosts = address !== 'host' ? [address] : open ? [HOST_V4] : [HOST_V4, HOST_V6];
  const found: string[] = [];
  for (const host of hosts) {
    const dial = { op: 'dial', protocol: 'tcp', host, port, orConnected: true } as const;
    const said = String(await agent.ask(dial));
    const isOpen = said !== '' && said !== 'refused';
    if (isOpen === open) continue;
    found.push(
      `${container} at [${host}]:${port}: expected ${open ? 'open' : 'closed'}, met "${said}"`,
    );
  }
  return found;
}

/** Files, tables and processes that should not be there. */
async function leftovers(
  { lab, nginx, watch }: World,
  { routes }: Expected,
): Promise<readonly string[]> {
  if (watch.child.exitCode !== null) return [`watch ended with ${watch.child.exitCode}`];
  const found: string[] = [];
  const indices = await Promise.all(
    (await readdir(nginx.dir)).map((name) => readlink(join(nginx.dir, name)).catch(() => '')),
  );
  const wanted = new Set<string>();
  for (const path of indices.filter((each) => each.startsWith('generations/'))) {
    for (const name of [path, path.replace('.conf', '.json')]) wanted.add(name);
    const text = await readFile(join(nginx.dir, path), 'utf8').catch(() => '');
    for (const [site] of text.matchAll(/\bsites\/[^;"\s]+/g)) wanted.add(site);
  }
  for (const folder of ['sites', 'generations']) {
    for (const name of await readdir(join(nginx.dir, folder))) {
      if (!wanted.has(`${folder}/${name}`)) found.push(`left over: ${folder}/${name}`);
    }
  }
  for (const name of wanted) {
    // What `init` wrote had no sites, and so no notes on them.
    if (!name.endsWith('.json') && !existsSync(join(nginx.dir, name)))
      found.push(`missing: ${name}`);
  }
  const live = await readFile(join(nginx.dir, 'portcullis.conf'), 'utf8').catch(() => '');
  const sites = new Set([...live.matchAll(/\bsites\/[^;"\s]+/g)].map(([site]) => site)).size;
  const hosts = new Set([...routes.values()].map(({ host }) => host)).size;
  if (sites !== hosts) found.push(`${sites} sites are live, ${hosts} expected`);
  const tables = await lab.host.ok(['nft', 'list', 'tables']);
  const ours = tables.match(/portcullis/g)?.length ?? 0;
  if (ours !== 1) found.push(`${ours} tables of ours`);
  return found;
}
