/** The same labels mean the same, whether docker run, Compose or docker stack gives them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { run } from '../../src/adapters/run.ts';
import { IMAGE, type Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

type Case = {
  readonly title: string;
  /** Name of the container or service. */
  readonly name: string;
  /** Host port -> container port. */
  readonly ports: Readonly<Record<number, number>>;
  /** Without their prefix. */
  readonly labels: Readonly<Record<string, string>>;
  /** Every route to its ports: host, path and upstream. */
  readonly routes: readonly string[];
  /** A line of the site's file. */
  readonly line?: string;
  /** Sources that the firewall lets in, by port. */
  readonly granted?: Readonly<Record<number, readonly string[]>>;
};

const CASES: readonly Case[] = [
  {
    title: 'enable: the host is made from the published port',
    name: 'plain',
    ports: { 1301: 80 },
    labels: { enable: 'true' },
    routes: ['service-1301.example.com/ 127.0.0.1:1301'],
  },
  {
    title: 'host, path and strip-prefix',
    name: 'shop',
    ports: { 1302: 80 },
    labels: { host: 'shop.example,www.shop.example', path: '/api', 'strip-prefix': 'true' },
    routes: ['shop.example/api 127.0.0.1:1302', 'www.shop.example/api 127.0.0.1:1302'],
    line: 'proxy_pass http://portcullis_shop.example_0/;',
  },
  {
    title: 'several routes',
    name: 'several',
    ports: { 1303: 80, 1304: 81 },
    labels: {
      'page.host': 'several.example',
      'page.port': '80',
      'metrics.host': 'several.example',
      'metrics.path': '/metrics',
      'metrics.port': '81',
    },
    routes: ['several.example/ 127.0.0.1:1303', 'several.example/metrics 127.0.0.1:1304'],
  },
  {
    title: 'port chooses one of two, public opens the other',
    name: 'mail',
    ports: { 1305: 25, 1306: 8025 },
    labels: {
      port: '8025',
      host: 'mail.example',
      public: '1305/tcp',
      'public-from': '192.0.2.0/24',
    },
    routes: ['mail.example/ 127.0.0.1:1306'],
    granted: { 1305: ['192.0.2.0/24'] },
  },
  {
    title: 'public alone opens all ports to all',
    name: 'open',
    ports: { 1307: 53 },
    labels: { public: 'true', enable: 'true' },
    routes: ['service-1307.example.com/ 127.0.0.1:1307'],
    granted: { 1307: ['0.0.0.0/0', '::/0'] },
  },
  {
    title: 'allow',
    name: 'office',
    ports: { 1308: 80 },
    labels: { host: 'office.example', allow: '192.0.2.0/24,2001:db8::/32' },
    routes: ['office.example/ 127.0.0.1:1308'],
    line: 'allow 2001:db8::/32;',
  },
  ...['blue', 'green'].map((name, index): Case => ({
    title: `group: ${name} shares a host with the other one`,
    name,
    ports: { [1309 + index]: 80 },
    labels: { host: 'grouped.example', group: 'colours', timeout: '5m' },
    routes: [`grouped.example/ 127.0.0.1:${1309 + index}`],
    line: 'proxy_read_timeout 5m;',
  })),
  {
    title: 'enable: false wins over all others',
    name: 'hidden',
    ports: { 1311: 80 },
    labels: { enable: 'false', host: 'hidden.example' },
    routes: [],
  },
];

const PROJECT = 'town';
const COMMAND = ['/bin/httpd', '-f', '-p', '80', '-h', '/www'];

let lab: Lab;
let engine: Engine;
let file = '';
let serviceFile = '';

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({});
  file = await put(join(lab.folder, 'compose.yaml'), stringify(composeFile('containers')));
  serviceFile = await put(join(lab.folder, 'service.yaml'), stringify(composeFile('service')));
});
after(() => lab.close());

const prefixed = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [`portcullis.${key}`, value]));

/** One file for Compose and for docker stack, which knows no loopback address: both publish to all. */
const composeFile = (labelled: 'containers' | 'service'): object => ({
  version: '3.7',
  services: Object.fromEntries(
    CASES.map(({ name, ports, labels }) => [
      name,
      {
        image: IMAGE,
        command: COMMAND,
        ...(labelled === 'service'
          ? { deploy: { labels: prefixed(labels) } }
          : { labels: prefixed(labels) }),
        ports: Object.entries(ports).map(([published, target]) => ({
          target,
          published: Number(published),
          protocol: 'tcp',
          mode: 'host',
        })),
      },
    ]),
  ),
});

async function dockerRun(): Promise<void> {
  await Promise.all(
    CASES.map(({ name, ports, labels }) =>
      engine.run({
        name,
        ports: Object.entries(ports).map(([published, target]) => `${published}:${target}`),
        labels: prefixed(labels),
      }),
    ),
  );
}

async function compose(): Promise<void> {
  const { code, stdout, stderr } = await run(
    'env',
    [
      ...[`DOCKER_HOST=${engine.url}`, 'docker-compose'],
      ...['--project-name', PROJECT, '--file', file, 'up', '--detach'],
    ],
    { timeoutMs: 120_000 },
  );
  assert.equal(code, 0, `${stdout}${stderr}`);
}

const stack = (ofFile: () => string) => async (): Promise<void> => {
  await engine.tryDocker('swarm', 'init', '--advertise-addr', HOST_V4); // the second finds it there
  await engine.docker(
    ...['stack', 'deploy', '--resolve-image', 'never', '--compose-file', ofFile(), PROJECT],
  );
  await waitUntil(
    'every task runs',
    async () => {
      const running = await engine.docker('ps', '--quiet');
      return running.split('\n').length === CASES.length;
    },
    90_000,
  );
};

async function remove(): Promise<void> {
  await engine.tryDocker('stack', 'rm', PROJECT); // nothing where there is no Swarm
  const ids = (): Promise<string> => engine.docker('ps', '--all', '--quiet');
  await waitUntil(
    'every container is gone',
    async () => {
      await engine.tryDocker('rm', '--force', ...(await ids()).split('\n'));
      return (await ids()) === '';
    },
    90_000,
  );
  await waitUntil('its network is gone', async () => {
    await engine.docker('network', 'prune', '--force'); // a stack's has the same name
    const names = await engine.docker('network', 'ls', '--format', '{{.Name}}');
    return !names.includes(`${PROJECT}_default`);
  });
}

async function portcullis(pattern: string, ...args: readonly string[]): Promise<string> {
  const settings = `host_pattern: "${pattern}"
nginx: { dir: ${join(lab.folder, 'nginx')} }
firewall: { backend: nftables, state_dir: ${join(lab.folder, 'state')} }
`;
  const config = await put(join(lab.folder, 'portcullis.yaml'), settings);
  const { code, stdout, stderr } = await lab.portcullis([
    ...['--config', config, '--docker', engine.url],
    ...args,
  ]);
  assert.equal(code, 0, stderr);
  return stdout;
}

type Row = { host: string; path: string; state: string; upstreams: { address: string }[] };

const routesOf = async (pattern: string): Promise<readonly string[]> => {
  const rows: readonly Row[] = JSON.parse(await portcullis(pattern, 'routes', '--json'));
  return rows
    .flatMap(({ host, path, state, upstreams }) => {
      assert.equal(state, 'live', host);
      return upstreams.map(({ address }) => `${host}${path} ${address}`);
    })
    .toSorted();
};

const isTo = (ports: Readonly<Record<number, number>>, route: string): boolean =>
  Object.keys(ports).some((port) => route.endsWith(`:${port}`));

const PATTERN = 'service-{port}.{domain}';
const texts = new Map<string, string>();

for (const { way, deploy, project } of [
  { way: 'docker run', deploy: dockerRun },
  { way: 'Compose', deploy: compose, project: PROJECT },
  { way: 'docker stack, labels of containers', deploy: stack(() => file), project: PROJECT },
  { way: 'docker stack, labels of services', deploy: stack(() => serviceFile), project: PROJECT },
]) {
  describe(way, () => {
    let routes: readonly string[] = [];
    let text = '';
    let grants: readonly { port: number; sources: readonly string[] }[] = [];

    before(async () => {
      await deploy();
      routes = await routesOf(PATTERN);
      text = await portcullis(PATTERN, 'generate', '--dry-run');
      texts.set(way, text);
      grants = JSON.parse(await portcullis(PATTERN, 'firewall', 'show', '--json')).ruleset.grants;
    });
    after(remove);

    for (const { title, ports, routes: expected, line, granted = {} } of CASES) {
      test(title, () => {
        assert.deepEqual(
          routes.filter((route) => isTo(ports, route)),
          expected,
        );
        if (line !== undefined) assert.ok(text.includes(line), text);
        const open = grants.filter(({ port }) => port in ports);
        assert.deepEqual(Object.fromEntries(open.map((g) => [g.port, g.sources])), granted);
      });
    }

    test('the files for Nginx are the same, byte for byte', () => {
      assert.equal(text, texts.get('docker run'));
    });

    if (project !== undefined) {
      test('host_pattern with {project} and {service}: the names of the file', async () => {
        const hosts = await routesOf('{service}.{project}.{domain}');
        assert.ok(hosts.includes(`plain.${project}.example.com/ 127.0.0.1:1301`), hosts.join('\n'));
      });
    }
  });
}
