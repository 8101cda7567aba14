import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerFromInspect } from './from-inspect.ts';

const ID = 'a1b2c3d4e5f6'.padEnd(64, '0');

const inspect = (fields: object = {}): object => ({
  Id: ID,
  Name: '/web-1',
  Created: '2026-01-02T03:04:05.987654321Z',
  State: { Status: 'running', Health: { Status: 'starting' } },
  Config: { Image: 'lab/web:1', Labels: { a: 'b' }, ExposedPorts: { '443/tcp': {} } },
  HostConfig: { NetworkMode: 'app', PortBindings: {} },
  NetworkSettings: { Ports: {}, Networks: { app: { NetworkID: 'n', IPAddress: '172.18.0.2' } } },
  ...fields,
});

test('containerFromInspect(): published and wanted ports are told apart', () => {
  const answer = inspect({
    HostConfig: {
      NetworkMode: 'app',
      PortBindings: {
        '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
        '53/udp': [{ HostIp: '', HostPort: '5353' }],
        '90/tcp': [{ HostIp: '127.0.0.1', HostPort: '9000-9010' }],
      },
    },
    NetworkSettings: {
      Ports: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }], '443/tcp': null },
      Networks: { app: { NetworkID: 'n', IPAddress: '172.18.0.2' } },
    },
  });
  assert.deepEqual(containerFromInspect(answer), {
    id: ID,
    name: 'web-1',
    image: 'lab/web:1',
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
    state: 'running',
    health: 'starting',
    labels: { a: 'b' },
    networkMode: 'app',
    published: [{ hostAddress: '127.0.0.1', hostPort: 32_768, containerPort: 80, protocol: 'tcp' }],
    portBindings: [
      { hostAddress: '0.0.0.0', hostPort: 5353, containerPort: 53, protocol: 'udp' },
      { hostAddress: '::', hostPort: 5353, containerPort: 53, protocol: 'udp' },
      { hostAddress: '127.0.0.1', hostPort: 0, containerPort: 80, protocol: 'tcp' },
      { hostAddress: '127.0.0.1', hostPort: 0, containerPort: 90, protocol: 'tcp' },
    ],
    exposed: [
      { containerPort: 53, protocol: 'udp' },
      { containerPort: 80, protocol: 'tcp' },
      { containerPort: 90, protocol: 'tcp' },
      { containerPort: 443, protocol: 'tcp' },
    ],
    endpoints: [{ network: 'app', networkId: 'n', ipv4: '172.18.0.2' }],
  });
});

test('containerFromInspect(): Podman tells ports of one that ended, which forwards none', () => {
  const answer = inspect({
    State: { Status: 'exited' },
    NetworkSettings: {
      Ports: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
      Networks: { app: { NetworkID: 'n', IPAddress: '172.18.0.2' } },
    },
  });
  const { published, exposed, endpoints } = containerFromInspect(answer);
  assert.deepEqual([published, endpoints], [[], [{ network: 'app', networkId: 'n' }]]);
  assert.ok(exposed.some(({ containerPort }) => containerPort === 80));
});

test('containerFromInspect(): a bare answer is enough', () => {
  const bare = { Id: ID, Created: '2026-01-02T03:04:05Z', State: { Status: 'created' } };
  const container = containerFromInspect(bare);
  assert.equal(container.name, ID.slice(0, 12));
  assert.equal(container.health, 'none');
  assert.deepEqual(container.labels, {});
});

// Docker 20.10 takes each of these and starts the container.
const ASKED: readonly [title: string, fields: object, exposed: string[], bindings: string[]][] = [
  [
    'exposes what is no port',
    {
      Config: {
        ExposedPorts: { '3000-3005': {}, 'foo/tcp': {}, '/tcp': {}, '80/foo': {}, '70000': {} },
      },
      NetworkSettings: { Ports: { '0/tcp': null, '0/0': null, '80/0': null } },
    },
    [],
    [],
  ],
  ['exposes a port in capitals', { Config: { ExposedPorts: { '80/TCP': {} } } }, ['80/tcp'], []],
  [
    'asks for an address that is none: the port is held on all',
    { HostConfig: { PortBindings: { '80/tcp': [{ HostIp: 'evil', HostPort: '9001' }] } } },
    ['80/tcp'],
    ['0.0.0.0 9001', ':: 9001'],
  ],
  [
    'asks for an address with a zone',
    { HostConfig: { PortBindings: { '80/tcp': [{ HostIp: 'fe80::1%lo', HostPort: '9001' }] } } },
    ['80/tcp'],
    ['0.0.0.0 9001', ':: 9001'],
  ],
  [
    'asks for a port with its protocol',
    { HostConfig: { PortBindings: { '80/UDP': [{ HostIp: '::1', HostPort: '9002/tcp' }] } } },
    ['80/udp'],
    ['::1 9002'],
  ],
  [
    'asks for a port of a protocol that is none',
    { HostConfig: { PortBindings: { '80/foo': [{ HostIp: '', HostPort: '9003' }] } } },
    [],
    [],
  ],
];
for (const [title, fields, exposed, bindings] of ASKED) {
  test(`containerFromInspect(): one container keeps nobody from being read that ${title}`, () => {
    const bare = { Config: null, HostConfig: null, NetworkSettings: null };
    const container = containerFromInspect(inspect({ ...bare, ...fields }));
    assert.deepEqual(
      container.exposed.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
      exposed,
    );
    assert.deepEqual(
      container.portBindings.map(({ hostAddress, hostPort }) => `${hostAddress} ${hostPort}`),
      bindings,
    );
  });
}

const errors: readonly [title: string, fields: object, message: string][] = [
  ['no state', { State: null }, 'container web-1: Status must be text, but is missing'],
  [
    'a creation time that is none',
    { Created: 'now' },
    'container web-1: Created must be a time, but is "now"',
  ],
  [
    'a host port above 65535',
    { NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '', HostPort: '65536' }] } } },
    'container web-1: Ports["80/tcp"]: HostPort must be a port, but is "65536"',
  ],
];
for (const [title, fields, message] of errors) {
  test(`containerFromInspect(): refuses ${title}`, () => {
    assert.throws(() => containerFromInspect(inspect(fields)), { name: 'ShapeError', message });
  });
}

for (const [title, status, check, expected] of [
  ['a word that only Podman has', 'reset', ['CMD', 'true'], 'starting'],
  ['it of a check that is switched off', 'reset', ['NONE'], 'none'],
] as const) {
  test(`containerFromInspect(): the health is ${expected} for ${title}`, () => {
    const answer = inspect({
      Config: { Healthcheck: { Test: check } },
      State: { Status: 'running', Health: { Status: status } },
    });
    assert.equal(containerFromInspect(answer).health, expected);
  });
}
