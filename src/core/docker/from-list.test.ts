import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerFromList } from './from-list.ts';

const ID = 'a1b2c3d4e5f6'.padEnd(64, '0');

const entry = (fields: object = {}): object => ({
  Id: ID,
  Names: ['/web-1'],
  Image: 'lab/web:1',
  Created: 1_700_000_000,
  State: 'running',
  Status: 'Up 5 minutes',
  Ports: [],
  Labels: {},
  HostConfig: { NetworkMode: 'default' },
  NetworkSettings: { Networks: {} },
  ...fields,
});

test('containerFromList(): a plain entry', () => {
  const listed = entry({
    Ports: [
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 443, Type: 'tcp' },
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '127.0.0.1', PrivatePort: 53, PublicPort: 5353, Type: 'udp' },
    ],
    Labels: { 'portcullis.port': '80' },
    NetworkSettings: {
      Networks: {
        bridge: { NetworkID: 'n1', IPAddress: '172.17.0.2', GlobalIPv6Address: '' },
        app: { NetworkID: 'n2', IPAddress: '172.18.0.2', GlobalIPv6Address: 'fd00::2' },
      },
    },
  });
  assert.deepEqual(containerFromList(listed, 0), {
    id: ID,
    name: 'web-1',
    image: 'lab/web:1',
    createdAt: 1_700_000_000,
    state: 'running',
    health: 'none',
    labels: { 'portcullis.port': '80' },
    networkMode: 'default',
    published: [
      { hostAddress: '127.0.0.1', hostPort: 5353, containerPort: 53, protocol: 'udp' },
      { hostAddress: '0.0.0.0', hostPort: 8080, containerPort: 80, protocol: 'tcp' },
      { hostAddress: '::', hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    ],
    portBindings: [],
    exposed: [
      { containerPort: 53, protocol: 'udp' },
      { containerPort: 80, protocol: 'tcp' },
      { containerPort: 443, protocol: 'tcp' },
    ],
    endpoints: [
      { network: 'app', networkId: 'n2', ipv4: '172.18.0.2', ipv6: 'fd00::2' },
      { network: 'bridge', networkId: 'n1', ipv4: '172.17.0.2' },
    ],
  });
});

const healths: readonly [status: string, health: string][] = [
  ['Up 5 minutes', 'none'],
  ['Up 5 minutes (healthy)', 'healthy'],
  ['Up 5 minutes (unhealthy)', 'unhealthy'],
  ['Up 2 seconds (health: starting)', 'starting'],
  ['Up 5 minutes (Paused)', 'none'],
  ['Created', 'none'],
  ['', 'none'],
];
for (const [status, health] of healths) {
  test(`containerFromList(): the status ${JSON.stringify(status)} means ${health}`, () => {
    assert.equal(containerFromList(entry({ Status: status }), 0).health, health);
  });
}

const fieldCases: readonly [title: string, fields: object, expected: object][] = [
  ['newer engines tell the health', { Health: { Status: 'healthy' } }, { health: 'healthy' }],
  ['the health none is none', { Health: { Status: 'none' } }, { health: 'none' }],
  ['links do not rename it', { Names: ['/proxy/web', '/web-1'] }, { name: 'web-1' }],
  ['without a name it is its id', { Names: null }, { name: ID.slice(0, 12) }],
  ['no labels', { Labels: null }, { labels: {} }],
  ['no ports', { Ports: null }, { published: [], exposed: [] }],
  ['no networks', { NetworkSettings: null }, { endpoints: [] }],
  ['the host network', { HostConfig: { NetworkMode: 'host' } }, { networkMode: 'host' }],
  [
    'ports of a container that failed to start',
    { State: 'created', Ports: [{ IP: '::', PrivatePort: 80, PublicPort: 81, Type: 'tcp' }] },
    { published: [], exposed: [{ containerPort: 80, protocol: 'tcp' }] },
  ],
  ['a created container', { State: 'created' }, { state: 'created' }],
  [
    'sctp',
    { Ports: [{ IP: '::1', PrivatePort: 9, PublicPort: 9, Type: 'sctp' }] },
    {
      published: [{ hostAddress: '::1', hostPort: 9, containerPort: 9, protocol: 'sctp' }],
    },
  ],
  [
    'an address that Go prints as "invalid IP" is none',
    { NetworkSettings: { Networks: { app: { NetworkID: 'n', IPAddress: 'invalid IP' } } } },
    { endpoints: [{ network: 'app', networkId: 'n' }] },
  ],
  [
    'no address is every address',
    { Ports: [{ IP: '', PrivatePort: 80, PublicPort: 81, Type: 'tcp' }] },
    {
      published: [
        { hostAddress: '0.0.0.0', hostPort: 81, containerPort: 80, protocol: 'tcp' },
        { hostAddress: '::', hostPort: 81, containerPort: 80, protocol: 'tcp' },
      ],
    },
  ],
];
for (const [title, fields, expected] of fieldCases) {
  test(`containerFromList(): ${title}`, () => {
    const container = containerFromList(entry(fields), 0);
    assert.deepEqual({ ...container, ...expected }, container);
  });
}

test('containerFromList(): a label named __proto__ is a label like any other', () => {
  const labels: unknown = JSON.parse('{"__proto__": "x", "a": "b"}');
  const container = containerFromList(entry({ Labels: labels }), 0);
  assert.deepEqual(Object.keys(container.labels), ['__proto__', 'a']);
});

test('containerFromList(): what is exposed and is no port is left out', () => {
  const Ports = [
    { PrivatePort: 0, Type: 'tcp' },
    { PrivatePort: 80, Type: '0' },
    { PrivatePort: 81, Type: 'udp' },
  ];
  const { exposed, published } = containerFromList(entry({ Ports }), 0);
  assert.deepEqual([exposed, published], [[{ containerPort: 81, protocol: 'udp' }], []]);
});

const errors: readonly [title: string, fields: object, message: string][] = [
  ['no id', { Id: undefined }, 'container 7 of the list: Id must be text, but is missing'],
  [
    'a label that is a number',
    { Labels: { a: 1 } },
    'container web-1: Labels["a"] must be text, but is 1',
  ],
  ['labels as text', { Labels: 'a=b' }, 'container web-1: Labels must be an object, but is "a=b"'],
  ['ports as text', { Ports: '80' }, 'container web-1: Ports must be a list, but is "80"'],
  [
    'a port above 65535',
    { Ports: [{ PrivatePort: 65_536, Type: 'tcp' }] },
    'container web-1: Ports[0]: PrivatePort must be a whole number from 0 to 65535, but is 65536',
  ],
  [
    'a public port as text',
    { Ports: [{ PrivatePort: 80, PublicPort: '80', Type: 'tcp' }] },
    'container web-1: Ports[0]: PublicPort must be a whole number from 0 to 65535, but is "80"',
  ],
  [
    'an unknown protocol',
    { Ports: [{ PrivatePort: 80, PublicPort: 80, Type: 'quic' }] },
    'container web-1: Ports[0]: the protocol must be tcp, udp or sctp, but is "quic"',
  ],
  [
    'a port on what is no address',
    { Ports: [{ IP: '1.2.3.4; drop', PrivatePort: 80, PublicPort: 81, Type: 'tcp' }] },
    'container web-1: Ports[0]: "1.2.3.4; drop" is not an IP address',
  ],
  [
    'a container’s address that is none',
    { NetworkSettings: { Networks: { app: { IPAddress: '172.17.0.2 } accept' } } } },
    'container web-1: network "app": "172.17.0.2 } accept" is not an IP address',
  ],
  [
    'a name that a terminal obeys, in words',
    { Names: ['/\u001b[31mred'], Ports: '80' },
    String.raw`container \u001b[31mred: Ports must be a list, but is "80"`,
  ],
  ['an unknown state', { State: 'on' }, 'container web-1: "on" is not a known container state'],
  [
    'a state from the prototype',
    { State: 'constructor' },
    'container web-1: "constructor" is not a known container state',
  ],
  [
    'a network that is a list',
    { NetworkSettings: { Networks: { app: [] } } },
    'container web-1: network "app" must be an object, but is a list',
  ],
];
for (const [title, fields, message] of errors) {
  test(`containerFromList(): refuses ${title}`, () => {
    assert.throws(() => containerFromList(entry(fields), 7), { name: 'ShapeError', message });
  });
}
