/** Containers of which one is refused: what is said of it, and what the others are left with. */
import type { Container } from './model.ts';
import { container } from './testing/container.ts';
import { label } from './testing/plan.ts';

export const REJECTED: readonly [
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
    String.raw`container late: asks for a.example/, which container \u001b[2Jearly already serves; give one of them another host, or both the same label "group" to share it`,
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
    'container late: asks for a.example/, which container early already serves; give one of them another host, or both the same label "group" to share it',
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
