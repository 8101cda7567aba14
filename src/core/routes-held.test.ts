import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildGeneration, holdersOf, type Manifest } from './generation.ts';
import type { Container } from './model.ts';
import { problemText } from './problem-text.ts';
import type { RoutePlan } from './routes-model.ts';
import { container } from './testing/container.ts';
import { early, label, late, lines, plan } from './testing/plan.ts';
import { leadRoutes } from './tls/site-tls.ts';

test('planRoutes(): who holds the host in the live generation keeps it, though created later', () => {
  const holders = new Map([['a.example /', 'container late']]);
  assert.deepEqual(lines(plan([early, late], { context: { holders } })), [
    'a.example/ -> 127.0.0.1:2',
  ]);
});

test('planRoutes(): a server block written by hand wins, and is named', () => {
  const handWritten = new Map([['a.example', { file: '/etc/nginx/sites-enabled/a', line: 7 }]]);
  const result = plan([early], { context: { handWritten } });
  assert.deepEqual(result.problems.map(problemText), [
    'container early: asks for a.example, which the server block at /etc/nginx/sites-enabled/a:7 already serves; remove one of the two',
  ]);
});

const redirecting = (name: string, host: string, more: Partial<Container> = {}): Container =>
  container(name, {
    ports: [`127.0.0.1:${3 + name.length}:80`],
    createdAt: 9,
    ...label({ host, 'redirect-from': 'www.example' }),
    ...more,
  });

for (const [title, newcomer, problem] of [
  [
    'redirects it as well',
    redirecting('late', 'late.example', { createdAt: 0 }),
    'redirects www.example, which container first redirects already',
  ],
  [
    'asks for it as its host',
    container('late', {
      ports: ['127.0.0.1:2:80'],
      createdAt: 0,
      ...label({ host: 'www.example' }),
    }),
    'asks for www.example, which container first redirects',
  ],
] as const) {
  test(`planRoutes(): a name that is redirected in the live generation stays so when an older container ${title}`, () => {
    const holders = new Map([
      ['first.example site', 'container first'],
      ['www.example redirect', 'container first'],
    ]);
    const result = plan([redirecting('first', 'first.example'), newcomer], {
      context: { holders },
    });
    assert.deepEqual(
      result.sites.map(({ host, redirectFrom }) => [host, ...redirectFrom]),
      [['first.example', 'www.example']],
    );
    assert.deepEqual(
      result.problems.map(({ reason }) => reason),
      [problem],
    );
  });
}

test('planRoutes(): a redirect on another’s site belongs to who asked for it, generation after generation', () => {
  const shop = container('shop', {
    ports: ['127.0.0.1:1:80'],
    createdAt: 1,
    ...label({ host: 'a.example' }),
  });
  const guest = redirecting(
    'guest',
    'a.example',
    label({ host: 'a.example', path: '/g', 'redirect-from': 'www.example' }),
  );
  const own = container('thief', { ports: ['127.0.0.1:2:80'], ...label({ host: 't.example' }) });
  const thief = { ...own, ...label({ host: 't.example,www.example' }) };
  const manifest = (now: RoutePlan): Manifest =>
    buildGeneration(
      now.sites.map((site) => ({ site, text: '', hash: '' })),
      now.rejected,
      {
        ...{ dir: '/d', listen: { port: 80, ipv6: true, authDir: '', acmeDir: '' } },
        ...{ userDirectives: new Set<string>(), userDefaults: new Map<string, unknown>() },
        ...{ renderIndex: () => '', hash: () => '' },
      },
    ).manifest;
  const before = manifest(plan([shop, guest, own]));
  const { sites } = plan([shop, guest, thief], { context: { holders: holdersOf(before) } });
  assert.deepEqual(
    sites.map(({ host, redirectFrom }) => [host, ...redirectFrom]),
    [['a.example', 'www.example']],
  );
});

const tlsOf = (host: string, changes: Record<string, string>, createdAt: number): Container =>
  container(`tls-${createdAt}`, {
    ports: [`127.0.0.1:${10 + createdAt}:80`],
    createdAt,
    ...label({ host, ...changes }),
  });
const pair = {
  name: 'a',
  hosts: ['a.example'],
  notBefore: 0,
  notAfter: 1,
  certificateFile: '',
  keyFile: '',
  fingerprint: '',
  mustStaple: false,
};

test('planRoutes(): the site stays its owner’s after it was recreated, and a path over HTTPS only is not served without', () => {
  const context = {
    holders: new Map([['a.example site', 'container tls-5']]),
    certificateOf: () => ({ certificate: pair }),
  };
  const result = plan(
    [tlsOf('a.example', { tls: 'off' }, 5), tlsOf('a.example', { path: '/b', tls: 'only' }, 1)],
    { context },
  );
  assert.deepEqual(lines(result), ['a.example/ -> 127.0.0.1:15']);
  assert.deepEqual(result.problems.map(problemText), [
    'container tls-1: asks for a.example over HTTPS only, but container tls-5, whose site it is, serves it over HTTP',
  ]);
  assert.equal(result.rejected.length, 1);
});

test('planRoutes(): who has a route in a group keeps its options after it was recreated', () => {
  const members = [
    container('blue', {
      ports: ['127.0.0.1:1:80'],
      createdAt: 5,
      ...label({ host: 'a.example', group: 'g', allow: '192.0.2.0/24' }),
    }),
    container('green', {
      ports: ['127.0.0.1:2:80'],
      createdAt: 1,
      ...label({ host: 'a.example', group: 'g' }),
    }),
  ];
  const holders = new Map([
    ['a.example /', 'group g'],
    ['a.example / lead', 'container blue'],
  ]);
  const [site] = plan(members, { context: { holders } }).sites;
  assert.deepEqual(site?.routes[0]?.access.allow, ['192.0.2.0/24']);
});

test('planRoutes(): who joins a group redirects nothing to its host', () => {
  const member = (name: string, createdAt: number, more: Record<string, string>): Container =>
    container(name, {
      ports: [`127.0.0.1:${createdAt}:80`],
      createdAt,
      ...label({ host: 'a.example', group: 'g', ...more }),
    });
  const { sites, problems } = plan([
    member('blue', 1, { 'redirect-from': 'www.example' }),
    member('evil', 2, { 'redirect-from': 'other.example' }),
  ]);
  assert.deepEqual(sites[0]?.redirectFrom, ['www.example']);
  assert.deepEqual(problems.map(problemText), [
    'container evil: its options for a.example/ differ from those of container blue, which has the route in this group: they hold when that is gone',
  ]);
});

test('planRoutes(): who joins a group with a path of its own changes no option of the site', () => {
  const holder = container('blue', {
    ports: ['127.0.0.1:1:80'],
    createdAt: 5,
    ...label({ host: 'a.example', group: 'g', cert: 'a' }),
  });
  const joiner = container('evil', {
    ports: ['127.0.0.1:2:80'],
    createdAt: 1,
    ...label({ host: 'a.example', group: 'g', path: '/x', tls: 'off', template: 'bare' }),
  });
  for (const holders of [new Map(), new Map([['a.example site lead', 'container blue']])]) {
    const { sites, problems } = plan([holder, joiner], { context: { holders } });
    assert.deepEqual(
      leadRoutes(sites[0] ?? assert.fail()).map(({ path, access }) => [path, access.cert]),
      [['/', 'a']],
    );
    assert.deepEqual(problems.map(problemText), [
      'container evil: its template, tls for a.example/x has no effect: such options hold for a whole site, and a.example is that of container blue',
    ]);
  }
});
