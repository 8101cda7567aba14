import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container } from './model.ts';
import { problemText } from './problem-text.ts';
import { REJECTED } from './routes-rejected.fixture.ts';
import { container } from './testing/container.ts';
import { compose, label, lines, plan } from './testing/plan.ts';

const CASES: readonly [
  title: string,
  containers: readonly Container[],
  expected: readonly string[],
][] = [
  [
    'one published port',
    [container('a', { ports: ['127.0.0.1:1234:80'] })],
    ['service-1234.example.com/ -> 127.0.0.1:1234'],
  ],
  [
    'a published port on all addresses is dialled on loopback',
    [container('a', { ports: ['8080:80', '[::]:8080:80'] })],
    ['service-8080.example.com/ -> 127.0.0.1:8080'],
  ],
  [
    'IPv6 alone',
    [container('a', { ports: ['[::1]:1234:80'] })],
    ['service-1234.example.com/ -> [::1]:1234'],
  ],
  [
    'one address of the host',
    [container('a', { ports: ['192.0.2.5:1234:80'] })],
    ['service-1234.example.com/ -> 192.0.2.5:1234'],
  ],
  [
    'several ports: a route each',
    [container('a', { ports: ['127.0.0.1:2:80', '127.0.0.1:1:81', '127.0.0.1:53:53/udp'] })],
    ['service-1.example.com/ -> 127.0.0.1:1', 'service-2.example.com/ -> 127.0.0.1:2'],
  ],
  ['no label, no route', [container('a', { ports: ['127.0.0.1:1:80'], labels: {} })], []],
  [
    'enable=false wins',
    [container('a', { ports: ['127.0.0.1:1:80'], ...label({ enable: 'false', host: '!!' }) })],
    [],
  ],
  [
    'a one-off container',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        ...label({ enable: 'true', 'com.docker.compose.oneoff': 'True' }),
      }),
    ],
    [],
  ],
  [
    'a container that does not run',
    [container('a', { ports: ['127.0.0.1:1:80'], state: 'created' })],
    [],
  ],
  [
    'the port label chooses',
    [
      container('a', {
        ports: ['127.0.0.1:1:80', '127.0.0.1:2:81'],
        ...label({ port: '81', host: 'a.example' }),
      }),
    ],
    ['a.example/ -> 127.0.0.1:2'],
  ],
  [
    'one container port on two host ports, as Docker 20.10 chooses for IPv4 and IPv6',
    [container('a', { ports: ['49153:80', '[::]:49154:80'], ...label({ host: 'a.example' }) })],
    ['a.example/ -> 127.0.0.1:49153'],
  ],
  [
    'the host network',
    [container('a', { networkMode: 'host', ...label({ port: '9000', host: 'a.example' }) })],
    ['a.example/ -> 127.0.0.1:9000'],
  ],
  [
    'named routes',
    [
      container('a', {
        ports: ['127.0.0.1:1:80', '127.0.0.1:2:81'],
        ...label({
          'x.port': '80',
          'x.host': 'x.example',
          'y.port': '81',
          'y.host': 'x.example',
          'y.path': '/y/',
        }),
      }),
    ],
    ['x.example/ -> 127.0.0.1:1', 'x.example/y -> 127.0.0.1:2'],
  ],
  [
    'replicas of one Compose service',
    [
      container('shop-web-2', {
        ports: ['127.0.0.1:5:80'],
        ...compose('web', { host: 'w.example' }),
      }),
      container('shop-web-1', {
        ports: ['127.0.0.1:4:80'],
        ...compose('web', { host: 'w.example' }),
      }),
    ],
    ['w.example/ -> 127.0.0.1:4 127.0.0.1:5'],
  ],
  [
    'replicas by group',
    [
      container('a', { ports: ['127.0.0.1:1:80'], ...label({ host: 'g.example', group: 'g' }) }),
      container('b', { ports: ['127.0.0.1:2:80'], ...label({ host: 'g.example', group: 'g' }) }),
    ],
    ['g.example/ -> 127.0.0.1:1 127.0.0.1:2'],
  ],
  [
    'an unhealthy replica gets no traffic',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        health: 'unhealthy',
        ...label({ host: 'g.example', group: 'g' }),
      }),
      container('b', {
        ports: ['127.0.0.1:2:80'],
        health: 'healthy',
        ...label({ host: 'g.example', group: 'g' }),
      }),
    ],
    ['g.example/ -> 127.0.0.1:2'],
  ],
  [
    'not healthy yet: the route is there without a server',
    [container('a', { ports: ['127.0.0.1:1:80'], health: 'starting' })],
    ['service-1.example.com/ -> '],
  ],
  [
    'health=ignore',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        health: 'starting',
        ...label({ health: 'ignore' }),
      }),
    ],
    ['service-1.example.com/ -> 127.0.0.1:1'],
  ],
];

for (const [title, containers, expected] of CASES) {
  test(`planRoutes(): ${title}`, () => {
    const result = plan(containers);
    assert.deepEqual(result.problems, []);
    assert.deepEqual(lines(result), expected);
  });
}

for (const [title, containers, problem, left] of REJECTED) {
  test(`planRoutes(): ${title}`, () => {
    const result = plan(containers);
    assert.deepEqual(result.problems.map(problemText), [problem]);
    assert.deepEqual(lines(result), left);
  });
}

test('planRoutes(): a Compose container is no Swarm service, whatever its file says', () => {
  const forged = { 'com.docker.swarm.service.name': 'shop_web' };
  const [site] = plan([
    container('x-web-1', {
      ports: ['127.0.0.1:1:80'],
      ...compose('web', { host: 'a.example', ...forged }),
    }),
  ]).sites;
  assert.equal(site?.owner, 'Compose service shop/web');
});

test('planRoutes(): host_pattern from names', () => {
  const settings = { host_pattern: '{service}-{project}.{domain}', domain: 'x.example' };
  const web = container('shop-web-1', {
    ports: ['127.0.0.1:1:80'],
    ...compose('web', { enable: 'true' }),
  });
  assert.deepEqual(lines(plan([web], { settings })), ['web-shop.x.example/ -> 127.0.0.1:1']);
  const task = (service: string, stack: Readonly<Record<string, string>>) => {
    const name = `${service}.1.abc`;
    const swarm = {
      'com.docker.swarm.service.name': service,
      'com.docker.swarm.service.id': 's1',
      'com.docker.swarm.task.id': 'abc',
      'com.docker.swarm.task.name': name,
      'com.docker.swarm.node.id': 'n1',
    };
    const labels = { 'portcullis.enable': 'true', ...swarm, ...stack };
    return container(name, { ports: ['127.0.0.1:1:80'], labels });
  };
  const shop = { 'com.docker.stack.namespace': 'shop' };
  for (const [service, expected] of [
    ['shop_web', 'web-shop'],
    ['web', 'web-shop'],
    ['shopping_web', 'shopping_web-shop'],
  ] as const) {
    const planned = plan([task(service, shop)], { settings });
    assert.deepEqual(lines(planned), [`${expected}.x.example/ -> 127.0.0.1:1`]);
  }
  const alone = plan([task('shop_web', {})], {
    settings: { ...settings, host_pattern: '{service}.{domain}' },
  });
  assert.deepEqual(lines(alone), ['shop_web.x.example/ -> 127.0.0.1:1']);
  assert.deepEqual(
    plan([container('a', { ports: ['127.0.0.1:1:80'] })], { settings }).problems.map(problemText),
    ['container a: has no service, which host_pattern asks for; give it the label "host"'],
  );
});

test('planRoutes(): discovery=all takes containers without labels, and skips those without ports', () => {
  const settings = { discovery: 'all' };
  const bare = container('a', { ports: ['127.0.0.1:1:80'], labels: {} });
  const result = plan([bare, container('b', { labels: {} })], { settings });
  assert.deepEqual(lines(result), ['service-1.example.com/ -> 127.0.0.1:1']);
  assert.deepEqual(result.problems, []);
});

test('planRoutes(): discovery=all takes a pod of Podman for one container', () => {
  const ports = { ports: ['8080:80'], labels: {} };
  const infra = container('infra', ports);
  const web = container('web', { ...ports, networkMode: 'container:id-infra' });
  const result = plan([infra, web], { settings: { discovery: 'all' } });
  assert.deepEqual(lines(result), ['service-8080.example.com/ -> 127.0.0.1:8080']);
  assert.deepEqual(result.problems, []);
});

test('planRoutes(): the order of containers changes nothing', () => {
  const all = [
    ...CASES.flatMap(([, containers]) => containers),
    ...REJECTED.flatMap(([, containers]) => containers),
  ].map((each, index) => ({ ...each, id: `id-${index}`, createdAt: index % 7 }));
  const expected = plan(all);
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
      assert.deepEqual(plan(shuffled), expected);
    }),
    { numRuns: 50 },
  );
});

test('planRoutes(): of one container’s wrong labels some are told, and how many more there are', () => {
  const labels = Object.fromEntries(
    Array.from({ length: 500 }, (_unused, index) => [`r${index}.hots`, 'x']),
  );
  const { problems } = plan([container('a', { ports: ['127.0.0.1:1:80'], ...label(labels) })]);
  assert.equal(problems.length, 21);
  assert.equal(
    problems.map(problemText).toSorted().at(0),
    'container a: is wrong in 480 more ways, which are not listed',
  );
});
