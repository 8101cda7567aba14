import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from './model.ts';
import { container } from './testing/container.ts';
import { compose, early, label, late, lines, plan } from './testing/plan.ts';

test('planRoutes(): a container that just stopped keeps its route', () => {
  assert.deepEqual(lines(plan([], { lingering: [early] })), ['a.example/ -> 127.0.0.1:1']);
});

test('planRoutes(): who holds the host keeps it while its container restarts', () => {
  const result = plan([late], {
    lingering: [early],
    context: { holders: new Map([['a.example /', 'container early']]) },
  });
  assert.deepEqual(lines(result), ['a.example/ -> 127.0.0.1:1']);
  assert.match(
    result.problems[0]?.reason ?? '',
    /^asks for a\.example\/.* keeps it for watch\.linger\)$/,
  );
});

/** `early` on a port that Docker chose, as an inspect tells; and where no more is known than the port. */
const chosen: Container = {
  ...early,
  portBindings: early.published.map((port) => ({ ...port, hostPort: 0 })),
};
const CHOSEN: readonly [title: string, victim: Container][] = [
  ['that Docker chose', chosen],
  [
    'from which Docker chooses',
    container('early', { ports: ['127.0.0.1:32768:80'], labels: early.labels }),
  ],
];

test('planRoutes(): a container that just stopped yields where it held nothing, and where the port that it asks for is taken', () => {
  assert.deepEqual(lines(plan([late], { lingering: [early] })), ['a.example/ -> 127.0.0.1:2']);
  const heir = container('heir', { ports: ['127.0.0.1:1:80'], ...label({ host: 'a.example' }) });
  const holders = new Map([['a.example /', 'container early']]);
  const result = plan([heir], { lingering: [early], context: { holders } });
  assert.deepEqual(lines(result), ['a.example/ -> 127.0.0.1:1']);
  assert.deepEqual(result.problems, []);
});

for (const [title, victim] of CHOSEN) {
  test(`planRoutes(): who takes the port ${title} for a container that restarts gets no host of it`, () => {
    const thief = { ...victim, id: 'id-thief', name: 'thief', createdAt: 0 };
    const context = { holders: new Map([['a.example /', 'container early']]) };
    const gap = plan([thief], { lingering: [victim], context });
    assert.deepEqual(lines(gap), ['a.example/ -> ']);
    assert.match(gap.problems[0]?.reason ?? '', /keeps it for watch\.linger/);
    const back = container('early', { ports: ['127.0.0.1:9:80'], labels: early.labels });
    assert.deepEqual(lines(plan([thief, back], { context })), ['a.example/ -> 127.0.0.1:9']);
  });
}

test('planRoutes(): a label on the host network takes no port of a container that restarts', () => {
  const thief = container('thief', {
    networkMode: 'host',
    ...label({ host: 'a.example', port: '1' }),
  });
  const holders = new Map([['a.example /', 'container early']]);
  const result = plan([thief], { lingering: [early], context: { holders } });
  assert.deepEqual(
    result.sites.map(({ owner }) => owner),
    ['container early'],
  );
  assert.match(result.problems[0]?.reason ?? '', /keeps it for watch\.linger/);
});

test('planRoutes(): a port that another container took is never served under the old name', () => {
  const other = container('other', { ports: ['127.0.0.1:1:80'], ...label({ host: 'b.example' }) });
  assert.deepEqual(lines(plan([other], { lingering: [early] })), ['b.example/ -> 127.0.0.1:1']);
  assert.deepEqual(lines(plan([other], { lingering: [chosen] })), [
    'a.example/ -> ',
    'b.example/ -> 127.0.0.1:1',
  ]);
});

for (const [title, more] of [
  ['without labels', { labels: {} }],
  ['with a route to another port', label({ host: 'b.example', port: '81' })],
] as const) {
  test(`planRoutes(): a port that a container ${title} took is never served under the old name`, () => {
    const other = container('other', { ports: ['0.0.0.0:1:80', '127.0.0.1:3:81'], ...more });
    const context = { holders: new Map([['a.example /', 'container early']]) };
    const { sites } = plan([other], { lingering: [chosen], context });
    assert.deepEqual(sites.find(({ host }) => host === 'a.example')?.routes[0]?.servers, []);
  });
}

test('planRoutes(): who takes all addresses of a port takes each of them', () => {
  const one = {
    ...early,
    ...container('early', { ports: ['192.0.2.1:1:80'], labels: early.labels }),
  };
  const [all, other] = ['1:80', '192.0.2.2:1:80'].map((port) =>
    container('other', { ports: [port], labels: {} }),
  );
  assert.deepEqual(lines(plan([all ?? assert.fail()], { lingering: [one] })), []);
  assert.deepEqual(lines(plan([other ?? assert.fail()], { lingering: [one] })), [
    'a.example/ -> 192.0.2.1:1',
  ]);
});

test('planRoutes(): another container of its pod takes no port of one that restarts', () => {
  const sidecar = container('sidecar', {
    ports: ['127.0.0.1:1:80'],
    networkMode: 'container:id-early',
    labels: {},
  });
  assert.deepEqual(lines(plan([sidecar], { lingering: [early] })), ['a.example/ -> 127.0.0.1:1']);
});

const [r1, r2] = [
  container('r1', { ports: ['127.0.0.1:1:80'], ...compose('web', { host: 'r.example' }) }),
  container('r2', { ports: ['127.0.0.1:2:80'], ...compose('web', { host: 'r.example' }) }),
];
const R2_NOT_READY: Container = { ...r2, health: 'starting' };

/** Running, lingering, draining, and the servers that are left. */
const DRAINING: readonly [string, Container[], Container[], string[], string][] = [
  ['a replica that was told to stop leaves', [r1, r2], [], ['r1'], '127.0.0.1:2'],
  ['it stays away while it lingers', [r2], [r1], ['r1'], '127.0.0.1:2'],
  ['one that crashed may be back at once', [r2], [r1], [], '127.0.0.1:1 127.0.0.1:2'],
  ['the only one keeps its route', [r1], [], ['r1'], '127.0.0.1:1'],
  ['none is left out when all are to stop', [r1, r2], [], ['r1', 'r2'], '127.0.0.1:1 127.0.0.1:2'],
  ['the other is not ready', [r1, R2_NOT_READY], [], ['r1'], '127.0.0.1:1'],
  ['the other does not run', [r1], [r2], ['r1'], '127.0.0.1:1 127.0.0.1:2'],
];
for (const [title, running, lingering, draining, servers] of DRAINING) {
  test(`planRoutes(): draining: ${title}`, () => {
    assert.deepEqual(lines(plan(running, { lingering, draining })), [`r.example/ -> ${servers}`]);
  });
}
