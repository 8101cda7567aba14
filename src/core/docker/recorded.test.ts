/** The readers on what real engines answered, and on whole Compose files. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Container } from '../model.ts';
import { readContainers } from './detect-shape.ts';
import { engineFromInfo, engineFromVersion } from './engine.ts';
import { eventFromApi } from './event.ts';
import { networkFromApi } from './from-network.ts';

const fixtures = join(import.meta.dirname, '../../../../fixtures');
const read = (...path: readonly string[]): unknown =>
  JSON.parse(readFileSync(join(fixtures, ...path), 'utf8'));

const ports = ({ published }: Container): readonly string[] =>
  published.map(
    ({ hostAddress, hostPort, containerPort, protocol }) =>
      `${hostAddress} ${hostPort} ${containerPort}/${protocol}`,
  );

const engines = readdirSync(join(fixtures, 'docker'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

for (const engine of engines) {
  const listed = readContainers(read('docker', engine, 'containers.json'));
  const inspected = readContainers(read('docker', engine, 'inspect.json'));

  test(`readContainers(): the list and the inspect answers of Docker ${engine} say the same`, () => {
    assert.equal(listed.shape, 'list');
    assert.equal(inspected.shape, 'inspect');
    // Only an inspect knows what was asked for, and what EXPOSE or -p name while nothing runs.
    const known = (container: Container): object => ({
      ...container,
      portBindings: [],
      exposed: ['created', 'exited'].includes(container.state) ? [] : container.exposed,
    });
    assert.deepEqual(listed.containers.map(known), inspected.containers.map(known));
  });

  const byName = new Map(inspected.containers.map((container) => [container.name, container]));
  const facts: readonly [
    title: string,
    name: string,
    fact: (of: Container) => unknown,
    is: unknown,
  ][] = [
    ['a port on loopback', 'processes-process_1234-1', ports, ['127.0.0.1 1234 1234/tcp']],
    ['a port on every address', 'open', ports, ['0.0.0.0 8085 80/tcp', ':: 8085 80/tcp']],
    ['ports on IPv6 addresses', 'six', ports, ['::1 8083 80/tcp', '2001:db8:1::1 8084 81/tcp']],
    ['no ports on the host network', 'on-host', ports, []],
    ['the host network', 'on-host', (of) => of.networkMode, 'host'],
    ['healthy', 'shop-api-1', (of) => of.health, 'healthy'],
    ['unhealthy', 'shop-sick-1', (of) => of.health, 'unhealthy'],
    ['paused', 'frozen', (of) => of.state, 'paused'],
    ['created', 'waiting', (of) => of.state, 'created'],
    [
      'ports wanted before the start',
      'waiting',
      (of) => of.portBindings.map(({ hostPort }) => hostPort),
      [8090, 0],
    ],
    ['failed to start', 'failed', ports, []],
    [
      'two networks',
      'portal',
      (of) => of.endpoints.map(({ network }) => network),
      ['bridge', 'named'],
    ],
  ];
  for (const [title, name, fact, is] of facts) {
    test(`readContainers(): Docker ${engine}, ${name}: ${title}`, () => {
      const container = byName.get(name);
      assert.ok(container);
      assert.deepEqual(fact(container), is);
    });
  }

  test(`networkFromApi(): the bridges of Docker ${engine}`, () => {
    const answer = read('docker', engine, 'networks.json');
    assert.ok(Array.isArray(answer));
    const networks = answer.map(networkFromApi);
    const bridge = (wanted: string): string | undefined =>
      networks.find(({ name }) => name === wanted)?.bridge;
    assert.deepEqual(['bridge', 'docker_gwbridge', 'named', 'lan', 'host', 'ingress'].map(bridge), [
      'docker0',
      'docker_gwbridge',
      'br-named',
      undefined,
      undefined,
      undefined,
    ]);
    const dual = networks.find(({ name }) => name === 'dual');
    assert.equal(dual?.bridge, `br-${dual?.id.slice(0, 12)}`);
    assert.deepEqual(dual?.subnets, ['172.30.0.0/16', 'fd00:30::/64']);
    assert.equal(networks.find(({ name }) => name === 'internal')?.internal, true);
    assert.equal(networks.find(({ name }) => name === 'ingress')?.ingress, true);
  });

  test(`eventFromApi(): every event of Docker ${engine}`, () => {
    const text = readFileSync(join(fixtures, 'docker', engine, 'events.jsonl'), 'utf8');
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => eventFromApi(JSON.parse(line)));
    const waiting = byName.get('waiting');
    const created = events.find((event) => event?.action === 'create' && event.id === waiting?.id);
    assert.equal(created?.name, 'waiting');
    assert.equal(created?.attributes['portcullis.host'], 'waiting.example.com');
    const healths = events.filter((event) => event?.action === 'health_status');
    assert.deepEqual(
      [...new Set(healths.map((event) => `${event?.name} ${event?.health}`))].toSorted(),
      ['shop-api-1 healthy', 'shop-sick-1 unhealthy'],
    );
  });

  test(`engineFromInfo(): Docker ${engine}`, () => {
    const { version, api } = engineFromVersion(read('docker', engine, 'version.json'));
    assert.ok(version.startsWith(engine));
    assert.match(api, /^1\.\d+$/);
    const info = engineFromInfo(read('docker', engine, 'info.json'));
    assert.equal(info.version, version);
    assert.deepEqual([info.swarm, info.rootless], [false, false]);
  });
}

const stacks: readonly [file: string, containers: readonly string[]][] = [
  [
    'processes.json',
    [
      'processes-process_1234-1 127.0.0.1 1234 1234/tcp',
      'processes-process_1235-1 127.0.0.1 1235 1235/tcp',
      'processes-process_5678-1 127.0.0.1 5678 5678/tcp',
    ],
  ],
  [
    'shop.json',
    [
      'shop-web-1',
      'shop-web-2',
      'shop-web-3',
      'shop-api-1 127.0.0.1 8080 8080/tcp',
      'shop-admin 127.0.0.1 8081 80/tcp 127.0.0.1 9090 9090/tcp',
      'shop-db-1',
    ],
  ],
  [
    'edge.json',
    [
      'edge-on-host-1',
      'edge-mail-1 0.0.0.0 25 25/tcp :: 25 25/tcp 127.0.0.1 8087 80/tcp',
      'edge-name-server-1 127.0.0.1 5353 53/tcp 0.0.0.0 53 53/udp :: 53 53/udp',
      'edge-ranged-1',
      'edge-six-1 ::1 8083 80/tcp',
      'edge-wide-open-1 0.0.0.0 8085 80/tcp :: 8085 80/tcp',
      'edge-disabled-1 127.0.0.1 8088 80/tcp',
    ],
  ],
];
for (const [file, expected] of stacks) {
  test(`readContainers(): the containers of compose/${file}`, () => {
    const { shape, containers } = readContainers(read('compose', file));
    assert.equal(shape, 'compose');
    assert.deepEqual(
      containers.map((container) => [container.name, ...ports(container)].join(' ')),
      expected,
    );
  });
}
