import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { containerRoutes } from './container-routes.ts';
import { buildGeneration, holdersOf, type Manifest } from './generation.ts';
import type { Container } from './model.ts';
import { problemText } from './problem-text.ts';
import { planRoutes, type RouteContext } from './routes.ts';
import type { RoutePlan } from './routes-model.ts';
import { settingsSchema } from './settings-schema.ts';
import { container } from './testing/container.ts';
import { leadRoutes } from './tls/site-tls.ts';

type Options = {
  readonly lingering?: readonly Container[];
  /** Names. */
  readonly draining?: readonly string[];
  readonly settings?: Record<string, unknown>;
  readonly context?: Partial<RouteContext>;
};

function plan(
  containers: readonly Container[],
  { lingering = [], draining = [], settings = {}, context }: Options = {},
): RoutePlan {
  const parsed = settingsSchema.parse(settings);
  const candidate = (lingers: boolean) => (each: Container) => ({
    container: each,
    routes: containerRoutes(each, parsed),
    lingering: lingers,
    draining: draining.includes(each.name),
  });
  return planRoutes([...containers.map(candidate(false)), ...lingering.map(candidate(true))], {
    handWritten: new Map(),
    holders: new Map(),
    authFiles: undefined,
    ...context,
  });
}

/** `host/path -> address address`, one line a route. */
const lines = ({ sites }: RoutePlan): readonly string[] =>
  sites.flatMap(({ routes }) =>
    routes.map(
      ({ host, path, servers }) =>
        `${host}${path} -> ${servers.map(({ address }) => address).join(' ')}`,
    ),
  );

const label = (labels: Record<string, string>): { labels: Record<string, string> } => ({
  labels: Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [
      key.startsWith('com.') ? key : `portcullis.${key}`,
      value,
    ]),
  ),
});
const compose = (
  service: string,
  more: Record<string, string> = {},
): { labels: Record<string, string> } =>
  label({ 'com.docker.compose.project': 'shop', 'com.docker.compose.service': service, ...more });

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

const REJECTED: readonly [
  title: string,
  containers: readonly Container[],
  problem: string,
  left: readonly string[],
][] = [
  [
    'no published port',
    [container('a')],
    'container a: publishes no TCP port: publish one on loopback, as -p 127.0.0.1::80',
    [],
  ],
  [
    'a port that is not published',
    [container('a', { ports: ['127.0.0.1:1:80'], ...label({ port: '81' }) })],
    'container a: label portcullis.port names container port 81, which is not published (published are 80); publish it, as -p 127.0.0.1::81',
    [],
  ],
  [
    'one host for two ports',
    [
      container('a', {
        ports: ['127.0.0.1:1:80', '127.0.0.1:2:81'],
        ...label({ host: 'a.example' }),
      }),
    ],
    'container a: label portcullis.host could mean any of the container ports 80, 81; add portcullis.port',
    [],
  ],
  ...(
    [
      [
        'more names than one container can have',
        {
          host: 'a.example',
          ...Object.fromEntries(
            Array.from({ length: 10 }, (_unused, index) => [
              `r${index}.redirect-from`,
              Array.from({ length: 100 }, (_each, at) => `n${at}.r${index}.example`).join(),
            ]),
          ),
          ...Object.fromEntries(
            Array.from({ length: 10 }, (_unused, index) => [`r${index}.host`, `r${index}.example`]),
          ),
        },
        'asks for 1011 routes and redirected names; one container can have 1000',
      ],
      [
        'more networks than one container can have',
        {
          host: Array.from({ length: 100 }, (_unused, index) => `n${index}.example`).join(),
          allow: Array.from({ length: 201 }, (_unused, index) => `10.0.${index}.0/24`).join(),
        },
        'lists 20100 networks in "allow", those of each route counted; one container can have 20000',
      ],
    ] as const
  ).map(([title, labels, problem]): (typeof REJECTED)[number] => [
    title,
    [container('a', { ports: ['127.0.0.1:1:80'], ...label(labels) })],
    `container a: ${problem}`,
    [],
  ]),
  [
    'one host and path twice, in a group and not',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        ...label({ 'x.host': 'a.example', 'y.host': 'a.example', 'y.group': 'g' }),
      }),
    ],
    'container a: asks twice for a.example/: with different options',
    [],
  ],
  ...(
    [
      [{ 'x.host': 'a.example', 'x.redirect-from': 'a.example' }, 'redirects a.example to itself'],
      [
        {
          'x.host': 'a.example',
          'y.host': 'b.example',
          'y.path': '/y',
          'x.redirect-from': 'b.example',
        },
        'redirects b.example to a.example, and serves it as well',
      ],
      [
        {
          ...{ 'x.host': 'a.example', 'x.redirect-from': 'c.example' },
          ...{ 'y.host': 'b.example', 'y.redirect-from': 'c.example' },
        },
        'redirects c.example to a.example and to b.example',
      ],
    ] as const
  ).map(([labels, problem]): (typeof REJECTED)[number] => [
    problem,
    [container('a', { ports: ['127.0.0.1:1:80'], ...label(labels) })],
    `container a: ${problem}`,
    [],
  ]),
  [
    'the host network without a port',
    [container('a', { networkMode: 'host', ...label({ host: 'a.example' }) })],
    'container a: is on the host network, where Docker publishes nothing: say with the label "port" which host port is meant',
    [],
  ],
  [
    'one bad label takes all routes of its container, and nobody else’s',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        ...label({ 'x.port': '80', 'x.host': 'x.example', 'y.port': '0' }),
      }),
      container('b', { ports: ['127.0.0.1:2:80'] }),
    ],
    'container a: label portcullis.y.port must be from 1 to 65535, got "0"',
    ['service-2.example.com/ -> 127.0.0.1:2'],
  ],
  [
    'what is said of a TLS upstream without one',
    [container('a', { ports: ['127.0.0.1:1:80'], ...label({ 'upstream-ca': 'x' }) })],
    'container a: label portcullis.upstream-ca has no effect where portcullis.scheme is not https or grpcs',
    [],
  ],
  [
    'a name to expect of an upstream that is not checked',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        ...label({ scheme: 'https', 'upstream-verify': 'off', 'upstream-name': 'x.example' }),
      }),
    ],
    'container a: label portcullis.upstream-name has no effect where portcullis.upstream-verify is off',
    [],
  ],
  [
    'a TLS upstream of a wildcard host without a name to expect',
    [
      container('a', {
        ports: ['127.0.0.1:1:80'],
        ...label({ host: '*.a.example', scheme: 'https' }),
      }),
    ],
    "container a: label portcullis.scheme is https, and a wildcard host does not say which name the upstream's certificate has: add portcullis.upstream-name",
    [],
  ],
  [
    'a host that is held by a container with a name that a terminal obeys',
    [
      container('late', {
        ports: ['127.0.0.1:2:80'],
        createdAt: 2,
        ...label({ host: 'a.example' }),
      }),
      container('\u001b[2Jearly', {
        ports: ['127.0.0.1:1:80'],
        createdAt: 1,
        ...label({ host: 'a.example' }),
      }),
    ],
    String.raw`container late: asks for a.example/, which container \u001b[2Jearly (container \u001b[2Jearly) already serves; give one of them another host, or both the same label "group" to share it`,
    ['a.example/ -> 127.0.0.1:1'],
  ],
  [
    'options of a whole site from somebody who adds a path to it',
    [
      container('b', {
        ports: ['127.0.0.1:2:80'],
        createdAt: 1,
        ...label({ host: 'a.example', path: '/b', template: 'y', 'access-log': 'off', tls: 'off' }),
      }),
      container('a', {
        ports: ['127.0.0.1:1:80'],
        createdAt: 2,
        ...label({ host: 'a.example', template: 'x' }),
      }),
    ],
    'container b: its template, tls, access-log for a.example/b has no effect: such options hold for a whole site, and a.example is that of container a',
    ['a.example/ -> 127.0.0.1:1', 'a.example/b -> 127.0.0.1:2'],
  ],
  [
    'options of a route from somebody who joins its group',
    [
      container('b', {
        ports: ['127.0.0.1:2:80'],
        createdAt: 2,
        ...label({ host: 'a.example', group: 'g' }),
      }),
      container('a', {
        ports: ['127.0.0.1:1:80'],
        createdAt: 1,
        ...label({ host: 'a.example', group: 'g', allow: '192.0.2.0/24' }),
      }),
    ],
    'container b: its options for a.example/ differ from those of container a, which has the route in this group: they hold when that is gone',
    ['a.example/ -> 127.0.0.1:1 127.0.0.1:2'],
  ],
  [
    'two projects, one host: the first created keeps it',
    [
      container('late', {
        ports: ['127.0.0.1:2:80'],
        createdAt: 2,
        ...label({ host: 'a.example' }),
      }),
      container('early', {
        ports: ['127.0.0.1:1:80'],
        createdAt: 1,
        ...label({ host: 'a.example' }),
      }),
    ],
    'container late: asks for a.example/, which container early (container early) already serves; give one of them another host, or both the same label "group" to share it',
    ['a.example/ -> 127.0.0.1:1'],
  ],
  [
    'a redirect from a host that is served',
    [
      container('a', { ports: ['127.0.0.1:1:80'], createdAt: 1, ...label({ host: 'a.example' }) }),
      container('b', {
        ports: ['127.0.0.1:2:80'],
        createdAt: 2,
        ...label({ host: 'b.example', 'redirect-from': 'a.example' }),
      }),
    ],
    'container b: redirects a.example, which container a serves',
    ['a.example/ -> 127.0.0.1:1'],
  ],
];

for (const [title, containers, problem, left] of REJECTED) {
  test(`planRoutes(): ${title}`, () => {
    const result = plan(containers);
    assert.deepEqual(result.problems.map(problemText), [problem]);
    assert.deepEqual(lines(result), left);
  });
}

const early = container('early', {
  ports: ['127.0.0.1:1:80'],
  createdAt: 1,
  ...label({ host: 'a.example' }),
});
const late = container('late', {
  ports: ['127.0.0.1:2:80'],
  createdAt: 2,
  ...label({ host: 'a.example' }),
});

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

test('planRoutes(): a container that just stopped yields where it held nothing, and where its port is taken', () => {
  assert.deepEqual(lines(plan([late], { lingering: [early] })), ['a.example/ -> 127.0.0.1:2']);
  const heir = container('heir', { ports: ['127.0.0.1:1:80'], ...label({ host: 'a.example' }) });
  const holders = new Map([['a.example /', 'container early']]);
  const result = plan([heir], { lingering: [early], context: { holders } });
  assert.deepEqual(lines(result), ['a.example/ -> 127.0.0.1:1']);
  assert.deepEqual(result.problems, []);
});

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

test('planRoutes(): a port that another container took is never served under the old name', () => {
  const other = container('other', { ports: ['127.0.0.1:1:80'], ...label({ host: 'b.example' }) });
  assert.deepEqual(lines(plan([other], { lingering: [early] })), ['b.example/ -> 127.0.0.1:1']);
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
