import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerRoutes, type RouteSettings } from '../container-routes.ts';
import type { ServicePort, SwarmService } from '../docker/from-service.ts';
import { forwardedTo } from '../firewall/container-network.ts';
import { aNetwork } from '../firewall/snapshot.fixture.ts';
import type { Container, Member, Network } from '../model.ts';
import { container } from '../testing/container.ts';
import { createSwarmView, type Swarm } from './swarm-view.ts';

const NODE = 'node1';

function port(text: string): ServicePort {
  const [, mode, published, target, protocol] =
    /^(mesh|host) (\d+):(\d+)(?:\/(udp))?$/.exec(text) ?? [];
  return {
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    publishedPort: Number(published),
    targetPort: Number(target),
    mode: mode === 'host' ? 'host' : 'ingress',
  };
}

const service = (
  name: string,
  ports: readonly string[],
  labels: Readonly<Record<string, string>> = { enable: 'true' },
): SwarmService => ({
  id: `id-${name}`,
  name,
  createdAt: 0,
  labels: Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [`portcullis.${key}`, value]),
  ),
  ports: ports.map(port),
});

const task = (
  of: string,
  changes: Parameters<typeof container>[1] = {},
  labels: Readonly<Record<string, string>> = {},
): Container =>
  container(`${of}.1.t1`, {
    ...changes,
    labels: {
      ...labels,
      'com.docker.swarm.node.id': NODE,
      'com.docker.swarm.service.id': `id-${of}`,
      'com.docker.swarm.service.name': of,
      'com.docker.swarm.task.id': 't1',
      'com.docker.swarm.task.name': `${of}.1.t1`,
    },
  });

const swarm = (...services: readonly SwarmService[]): Swarm => ({ nodeId: NODE, services });
const SETTINGS: RouteSettings = {
  domain: 'example.com',
  host_pattern: 'service-{port}.{domain}',
  label_prefix: 'portcullis',
  discovery: 'labelled',
  compat: [],
};

/** `host -> address, owner` of all that the containers ask for, and what is wrong with it. */
function served(containers: readonly Container[], known: Swarm): readonly string[] {
  return createSwarmView('portcullis')
    .routed(containers, known)
    .flatMap((each) => {
      const { wanted, problems } = containerRoutes(each, SETTINGS);
      return [
        ...wanted.map(({ host, server, owner }) => `${host} -> ${server.address}, ${owner}`),
        ...problems.map(({ label, reason }) => `${label}: ${reason}`),
      ];
    });
}

const BOTH = ['mesh 7001:80', 'host 7000:9000'];
const CASES: readonly [string, readonly Container[], Swarm, readonly string[]][] = [
  [
    'the mesh serves a service without any task here',
    [],
    swarm(service('web', ['mesh 7001:80'])),
    ['service-7001.example.com -> 127.0.0.1:7001, Swarm service web'],
  ],
  [
    'with a task here as well, and once',
    [task('web')],
    swarm(service('web', ['mesh 7001:80'])),
    ['service-7001.example.com -> 127.0.0.1:7001, Swarm service web'],
  ],
  [
    'a task in host mode is served where it runs, with the labels of its service',
    [task('web', { ports: ['7000:80'] })],
    swarm(service('web', ['host 7000:80'], { host: 'web.example.com' })),
    ['web.example.com -> 127.0.0.1:7000, Swarm service web'],
  ],
  [
    'its own labels beat those of the service',
    [task('web', { ports: ['7000:80'] }, { 'portcullis.host': 'own.example.com' })],
    swarm(service('web', ['host 7000:80'], { host: 'web.example.com' })),
    ['own.example.com -> 127.0.0.1:7000, Swarm service web'],
  ],
  ['nowhere else', [], swarm(service('web', ['host 7000:80'])), []],
  [
    'a port in host mode that the node chose itself',
    [task('web', { ports: ['32768:80'] })],
    swarm(service('web', ['mesh 7001:81'], { host: 'web.example.com', port: '80' })),
    [
      'web.example.com -> 127.0.0.1:32768, Swarm service web',
      'portcullis.port: names container port 80, which is not published (published are 81); publish it, as -p 127.0.0.1::80',
    ],
  ],
  [
    'a label "port" of a service with both modes means the one that has it',
    [task('web', { ports: ['7000:9000'] })],
    swarm(
      service('web', BOTH, {
        enable: 'true',
        port: '9000',
        host: 'host.example.com',
        'm.port': '80',
        'm.host': 'mesh.example.com',
      }),
    ),
    [
      'host.example.com -> 127.0.0.1:7000, Swarm service web',
      'mesh.example.com -> 127.0.0.1:7001, Swarm service web',
    ],
  ],
  [
    'and where the labels name ports of the other mode alone, this one has no route',
    [],
    swarm(service('web', BOTH, { enable: 'true', port: '9000', host: 'host.example.com' })),
    [],
  ],
  [
    'a task on the host network',
    [task('web', { networkMode: 'host' })],
    swarm(service('web', [], { port: '8080', host: 'web.example.com' })),
    ['web.example.com -> 127.0.0.1:8080, Swarm service web'],
  ],
  [
    'enable=false of a service',
    [task('web', { ports: ['7000:9000'] })],
    swarm(service('web', BOTH, { enable: 'false', host: 'web.example.com' })),
    [],
  ],
  [
    'a container that says it is a task of another node is a container',
    [task('web', { ports: ['7000:80'] }, { 'portcullis.enable': 'true' })],
    { nodeId: 'node2', services: [service('web', ['host 7000:80'])] },
    ['service-7000.example.com -> 127.0.0.1:7000, container web.1.t1'],
  ],
  [
    'and so is each where no Swarm is active',
    [task('web', { ports: ['7000:80'] }, { 'portcullis.enable': 'true' })],
    { nodeId: undefined, services: [] },
    ['service-7000.example.com -> 127.0.0.1:7000, container web.1.t1'],
  ],
  [
    'a task whose services are not known has its own labels',
    [task('web', { ports: ['7000:80'] }, { 'portcullis.enable': 'true' })],
    { nodeId: NODE, services: undefined },
    ['service-7000.example.com -> 127.0.0.1:7000, Swarm service web'],
  ],
];

for (const [title, containers, known, expected] of CASES) {
  test(`routed(): ${title}`, () => assert.deepEqual(served(containers, known), expected));
}

test('guarded(): ports in host mode are there before a task is, and the task has them then', () => {
  const view = createSwarmView('portcullis');
  const known = swarm(service('web', ['host 7000:80', 'mesh 7001:81']));
  const ports = (containers: readonly Container[]): readonly unknown[] =>
    view
      .guarded({ containers, networks: [] }, known)
      .containers.map(({ swarmPorts, state, published, portBindings }) => [
        swarmPorts,
        state,
        [...published, ...portBindings].map(({ hostPort }) => hostPort),
      ]);
  assert.deepEqual(ports([]), [
    ['ingress', 'running', [7001]],
    ['host', 'created', [7000]],
  ]);
  assert.deepEqual(ports([task('web', { ports: ['7000:80'] })]), [
    [undefined, 'running', [7000]],
    ['ingress', 'running', [7001]],
  ]);
});

const gateway = (...members: readonly Member[]): Network =>
  aNetwork({ id: 'gw', name: 'docker_gwbridge', bridge: 'docker_gwbridge', members });

const ONTO: readonly [title: string, member: Member, tasks: number, expected: readonly string[]][] =
  [
    ['a task', { id: 'id-web.1.t1', ipv4: '172.18.0.4' }, 1, ['172.18.0.4:80']],
    [
      'a task, both families',
      { id: 'id-web.1.t1', ipv4: '172.18.0.4', ipv6: 'fd00::4' },
      1,
      ['172.18.0.4:80', 'fd00::4:80'],
    ],
    ['somebody else', { id: 'other', ipv4: '172.18.0.4' }, 1, []],
    ['the mesh', { id: 'ingress-sbox', ipv4: '172.18.0.2' }, 0, ['172.18.0.2:7001']],
  ];
for (const [title, member, tasks, expected] of ONTO) {
  test(`guarded(): forwarded to on docker_gwbridge: ${title}`, () => {
    const containers = tasks === 0 ? [] : [task('web', { ports: ['7000:80'] })];
    const snapshot = createSwarmView('portcullis').guarded(
      { containers, networks: [gateway(member)] },
      swarm(service('web', ['host 7000:80', 'mesh 7001:81'])),
    );
    const found = snapshot.containers
      .filter(({ published }) => published.length > 0)
      .flatMap((each) =>
        each.published.flatMap((published) => forwardedTo(each, published, snapshot)),
      );
    assert.deepEqual(
      found.map(({ address, port: number }) => `${address}:${number}`),
      expected,
    );
  });
}

test('public ports of a service with both modes go to the part that has them', () => {
  const view = createSwarmView('portcullis');
  const labels = { public: '7000/tcp, 7001/tcp', 'public-from': '192.0.2.0/24' };
  const [own, mesh] = view.routed(
    [task('web', { ports: ['7000:9000'] })],
    swarm(service('web', BOTH, labels)),
  );
  assert.equal(own?.labels['portcullis.public'], '7000/tcp');
  assert.equal(mesh?.labels['portcullis.public']?.trim(), '7001/tcp');
  const [only] = view.routed([], swarm(service('web', BOTH, { ...labels, public: '7000/tcp' })));
  assert.deepEqual(only?.labels, {});
});

test('unchanged containers and services give the same objects', () => {
  const view = createSwarmView('portcullis');
  const known = swarm(service('web', BOTH));
  const containers = [task('web', { ports: ['7000:9000'] }), task('gone'), container('plain')];
  const networks = [gateway({ id: 'id-web.1.t1', ipv4: '172.18.0.4' })];
  const guarded = (): readonly Container[] =>
    view.guarded({ containers, networks }, known).containers;
  const [first, second] = [guarded(), guarded()];
  for (const [index, each] of first.entries()) assert.equal(each, second[index], each.name);
});
