import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemText } from '../problem-text.ts';
import { parseLabels } from './parse-labels.ts';

const problemsOf = (labels: Record<string, string>): readonly string[] =>
  parseLabels({ name: 'web-1', labels }, 'portcullis').problems.map(problemText);

const OK: readonly [title: string, labels: Record<string, string>][] = [
  ['no labels at all', {}],
  [
    'another tool’s labels are not ours',
    { 'traefik.enable': 'maybe', portcullis: 'x', portcullisx: 'y' },
  ],
  ['a host alone', { 'portcullis.host': 'a.example' }],
  ['two hosts, with spaces', { 'portcullis.host': 'a.example, *.b.example' }],
  ['an underscore, as Compose makes them', { 'portcullis.host': 'process_1234.example.com' }],
  ['an IPv6 address as host', { 'portcullis.host': '[2001:db8::1]' }],
  ['a named route', { 'portcullis.api.host': 'a.example', 'portcullis.api.path': '/v1/' }],
  ['a route may be called "web-2_x"', { 'portcullis.web-2_x.port': '80' }],
  [
    'public ports',
    { 'portcullis.public': '25/tcp,443/udp', 'portcullis.public-from': '10.0.0.0/8, ::/0' },
  ],
  [
    'every other option',
    {
      'portcullis.enable': 'true',
      'portcullis.port': '65535',
      'portcullis.strip-prefix': 'true',
      'portcullis.scheme': 'grpcs',
      'portcullis.tls': 'off',
      'portcullis.cert': 'a.example',
      'portcullis.redirect-from': 'www.a.example',
      'portcullis.allow': '192.0.2.1',
      'portcullis.auth-basic': 'staff',
      'portcullis.auth-request': 'http://127.0.0.1:9091/verify',
      'portcullis.rate': '10r/s',
      'portcullis.burst': '0',
      'portcullis.max-body': '1g',
      'portcullis.timeout': '5m',
      'portcullis.buffering': 'off',
      'portcullis.balance': 'ip_hash',
      'portcullis.group': 'shop',
      'portcullis.health': 'ignore',
      'portcullis.template': 'mine',
    },
  ],
];

for (const [title, labels] of OK) {
  test(`parseLabels(): ${title}`, () => assert.deepEqual(problemsOf(labels), []));
}

const BAD_ENDPOINTS = [
  'http://a/?x=$y',
  'http://a..b/',
  `http://${'a'.repeat(64)}/`,
  'http://a:0/',
  'http://a:65536/',
  'http://[::1]/',
];

const BAD: readonly [label: string, value: string, problem: string][] = [
  ['enable', 'yes', 'must be "true" or "false", got "yes"'],
  ['port', '', 'must be a whole number from 1 to 65535, got ""'],
  ['port', '0x50', 'must be a whole number from 1 to 65535, got "0x50"'],
  ['port', ' 80', 'must be a whole number from 1 to 65535, got " 80"'],
  ['port', '0', 'must be from 1 to 65535, got "0"'],
  ['port', '65536', 'must be from 1 to 65535, got "65536"'],
  ['host', '', 'is empty; it must be a host name, as app.example.com, got ""'],
  [
    'host',
    'example..com',
    'must be a host name, as app.example.com or *.example.com; it has an empty part (two dots in a row, or one at an end), got "example..com"',
  ],
  [
    'host',
    'bücher.example',
    'must be ASCII; write an international name in its xn-- form, got "b\\u00fccher.example"',
  ],
  [
    'host',
    'a.example;}',
    'must be a host name, as app.example.com or *.example.com, got "a.example;}"',
  ],
  ['host', '~^(.*)$', 'must be a host name, as app.example.com or *.example.com, got "~^(.*)$"'],
  [
    'host',
    'a.*.example',
    'must be a host name, as app.example.com or *.example.com, got "a.*.example"',
  ],
  ['host', 'a\nb', 'must be a host name, as app.example.com or *.example.com, got "a\\nb"'],
  [
    'host',
    'x'.repeat(65_536),
    `must be at most 253 characters long, got "${'x'.repeat(80)}"... (65536 characters)`,
  ],
  [
    'path',
    'api',
    'must be a path that starts with "/", of letters, digits, ".", "_", "~" and "-", got "api"',
  ],
  [
    'path',
    '/.portcullis/auth/0',
    'must not be /.portcullis or below it: Portcullis answers that, got "/.portcullis/auth/0"',
  ],
  [
    'path',
    '/.well-known/acme-challenge/',
    'must not be /.well-known/acme-challenge or below it: Portcullis answers that, got "/.well-known/acme-challenge/"',
  ],
  ['path', '/a/../b', 'must not have "." or ".." as a part, got "/a/../b"'],
  [
    'path',
    '/$uri',
    'must be a path that starts with "/", of letters, digits, ".", "_", "~" and "-", got "/$uri"',
  ],
  ['scheme', 'ftp', 'must be "http", "https", "grpc" or "grpcs", got "ftp"'],
  ['allow', '10.1', 'must be a network, as 192.0.2.0/24 or 2001:db8::/32, got "10.1"'],
  [
    'allow',
    '10.0.0.0/33',
    'must be a network, as 192.0.2.0/24 or 2001:db8::/32; the prefix must be from 0 to 32, got "10.0.0.0/33"',
  ],
  [
    'auth-basic',
    '../passwd',
    'must be the name of an htpasswd file in auth_dir: letters, digits, ".", "_" and "-", no path, got "../passwd"',
  ],
  ...BAD_ENDPOINTS.map((url): [string, string, string] => [
    'auth-request',
    url,
    `must be an http or https URL without query, as http://127.0.0.1:9091/verify, got "${url}"`,
  ]),
  ['rate', '10', 'must be a rate, as 10r/s or 600r/m, got "10"'],
  ['max-body', '10 m', 'must be a size, as 10m or 1g, or 0 for no limit, got "10 m"'],
  ['timeout', '0s', 'must be a time, as 30s or 5m, got "0s"'],
  [
    'balance',
    'least_conn; server 127.0.0.1:9',
    'must be "round_robin", "least_conn" or "ip_hash", got "least_conn; server 127.0.0.1:9"',
  ],
  ['public', '25', 'must be "true" or published ports, as 25/tcp,443/udp, got "25"'],
  ['public-from', 'all', 'must be a network, as 192.0.2.0/24 or 2001:db8::/32, got "all"'],
  ['prot', '80', 'is not a known option; the nearest is portcullis.port, got "80"'],
  ['zzzzzzzz', '1', 'is not a known option; README.md lists them, got "1"'],
  ['web.prot', '80', 'is not a known option; the nearest is portcullis.web.port, got "80"'],
  ['web.enabel', 'true', 'is not a known option; the nearest is portcullis.enable, got "true"'],
  ['web.enable', 'true', 'speaks of the whole container; write portcullis.enable, got "true"'],
  [
    'host.port',
    '80',
    '"host" is an option and cannot be the name of a route; choose another, got "80"',
  ],
];

for (const [option, value, problem] of BAD) {
  test(`parseLabels(): ${option}=${JSON.stringify(value.slice(0, 30))} is refused`, () => {
    assert.deepEqual(problemsOf({ [`portcullis.${option}`]: value }), [
      `container web-1: label portcullis.${option} ${problem}`,
    ]);
  });
}

/** What the issue list of every label must survive, whatever the option. */
const HOSTILE = [
  '',
  ' ',
  'x'.repeat(65_536),
  '\n',
  ';{}#"\'\\$',
  '\u0000',
  'ünïcödé',
  '0',
  '65536',
  'example..com',
  '__proto__',
];

test('parseLabels(): hostile values never pass, whatever the option', () => {
  const harmless = new Set([
    'group 0',
    'group example..com',
    'group 65536',
    'group __proto__',
    'burst 0',
    'burst 65536',
    'max-body 0',
    'max-body 65536',
    'host 0',
    'host 65536',
    'host __proto__',
    'redirect-from 0',
    'redirect-from 65536',
    'redirect-from __proto__',
    'cert 0',
    'cert 65536',
    'cert __proto__',
    'template 0',
    'template 65536',
    'template __proto__',
    'auth-basic 0',
    'auth-basic 65536',
    'auth-basic __proto__',
  ]);
  const options = [
    'enable',
    'port',
    'host',
    'path',
    'strip-prefix',
    'scheme',
    'tls',
    'cert',
    'redirect-from',
    'allow',
    'auth-basic',
    'auth-request',
    'rate',
    'burst',
    'max-body',
    'timeout',
    'buffering',
    'balance',
    'group',
    'health',
    'template',
    'public',
    'public-from',
  ];
  for (const option of options) {
    for (const value of HOSTILE) {
      const expected = harmless.has(`${option} ${value}`) ? 0 : 1;
      const problems = problemsOf({ [`portcullis.${option}`]: value });
      assert.equal(problems.length, expected, `${option}=${JSON.stringify(value.slice(0, 20))}`);
      for (const text of problems) assert.match(text, /^[\x20-\x7e]{1,600}$/, 'one printable line');
    }
  }
});

test('parseLabels(): another prefix', () => {
  const parsed = parseLabels(
    { name: 'x', labels: { 'gate.host': 'a.example', 'portcullis.host': '!' } },
    'gate',
  );
  assert.deepEqual(parsed.problems, []);
  assert.deepEqual(parsed.routes, [{ name: '', options: { host: ['a.example'] } }]);
});

for (const [labels, expected] of [
  [
    { 'Portcullis.host': 'a.example' },
    'label Portcullis.host is none of ours: labels are case-sensitive, and ours begin with portcullis., got "a.example"',
  ],
  [
    { 'portcullis.public-from': '192.0.2.0/24' },
    'label portcullis.public-from has no effect without portcullis.public, got "192.0.2.0/24"',
  ],
  [
    { 'portcullis.public': 'false', 'portcullis.public-from': '192.0.2.0/24' },
    'label portcullis.public-from has no effect without portcullis.public, got "192.0.2.0/24"',
  ],
] as const) {
  test(`parseLabels(): what would do nothing is told: ${Object.entries(labels).join(' ')}`, () => {
    const { labelled, problems } = parseLabels({ name: 'web', labels }, 'portcullis');
    assert.ok(labelled);
    assert.deepEqual(problems.map(problemText), [`container web: ${expected}`]);
  });
}
