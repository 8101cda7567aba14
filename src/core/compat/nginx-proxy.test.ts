import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerRoutes } from '../container-routes.ts';
import { problemText } from '../problem-text.ts';
import { settingsSchema } from '../settings-schema.ts';
import { container, port } from '../testing/container.ts';

const settings = settingsSchema.parse({ compat: ['nginx-proxy'] });
const routes = (
  environment: Record<string, string>,
  labels: Record<string, string> = {},
  ports: readonly string[] = ['127.0.0.1:1234:80'],
) =>
  containerRoutes(
    container('web', {
      ports,
      labels,
      environment,
      exposed: ports.map((text) => port(text)),
    }),
    settings,
  );

for (const [title, environment, expected] of [
  ['hosts', { VIRTUAL_HOST: 'a.example,*.b.example' }, ['a.example/', '*.b.example/']],
  [
    'a path that is stripped',
    { VIRTUAL_HOST: 'a.example', VIRTUAL_PATH: '/app/', VIRTUAL_DEST: '/' },
    ['a.example/app stripped'],
  ],
  [
    'an upstream over HTTPS, HTTPS only, a certificate by name',
    { VIRTUAL_HOST: 'a.example', VIRTUAL_PROTO: 'https', HTTPS_METHOD: 'nohttp', CERT_NAME: 'c' },
    ['a.example/ https only c'],
  ],
  ['no HTTPS', { VIRTUAL_HOST: 'a.example', HTTPS_METHOD: 'nohttps' }, ['a.example/ off']],
  [
    'the network alone',
    { VIRTUAL_HOST: 'a.example', NETWORK_ACCESS: 'internal' },
    ['a.example/ 6'],
  ],
  ['nothing asked', { VIRTUAL_PORT: '80' }, []],
] as const) {
  test(`compat nginx-proxy: ${title}`, () => {
    const { wanted, problems } = routes(environment);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      wanted.map(({ host, path, access }) =>
        [
          `${host}${path}`,
          ...(access.stripPrefix ? ['stripped'] : []),
          ...(access.scheme === 'http' ? [] : [access.scheme]),
          ...(access.tls === 'auto' ? [] : [access.tls]),
          ...(access.cert === undefined ? [] : [access.cert]),
          ...(access.allow.length === 0 ? [] : [access.allow.length]),
        ].join(' '),
      ),
      expected,
    );
  });
}

test('compat nginx-proxy: of several exposed ports 80 is meant, or the one that is named', () => {
  const ports = ['127.0.0.1:1:80', '127.0.0.1:2:8080'];
  const address = (environment: Record<string, string>) =>
    routes({ VIRTUAL_HOST: 'a.example', ...environment }, {}, ports).wanted[0]?.server.address;
  assert.equal(address({}), '127.0.0.1:1');
  assert.equal(address({ VIRTUAL_PORT: '8080' }), '127.0.0.1:2');
});

test('compat nginx-proxy: a label of ours is all that counts', () => {
  const { wanted } = routes({ VIRTUAL_HOST: 'a.example' }, { 'portcullis.host': 'b.example' });
  assert.deepEqual(
    wanted.map(({ host }) => host),
    ['b.example'],
  );
  assert.deepEqual(
    routes({ VIRTUAL_HOST: 'a.example' }, { 'portcullis.enable': 'false' }).wanted,
    [],
  );
});

test('compat: without the setting no variable is read', () => {
  const web = container('web', {
    ports: ['127.0.0.1:1234:80'],
    labels: {},
    environment: { VIRTUAL_HOST: 'a.example' },
  });
  assert.deepEqual(containerRoutes(web, settingsSchema.parse({})).wanted, []);
});

for (const [environment, expected] of [
  [
    { VIRTUAL_HOST: '~^a.*' },
    'container web: variable VIRTUAL_HOST is a regular expression, which Portcullis has not; name the hosts, or use *.x, got "~^a.*"',
  ],
  [
    { VIRTUAL_HOST: 'a.example', VIRTUAL_PROTO: 'fastcgi' },
    /^container web: variable VIRTUAL_PROTO must be .*got "fastcgi"$/,
  ],
  [
    { VIRTUAL_HOST: 'a.example', VIRTUAL_PORT: '81' },
    /^container web: variable VIRTUAL_PORT names container port 81, which is not published/,
  ],
  [
    { VIRTUAL_HOST_MULTIPORTS: 'a.example: {}' },
    /^container web: variable VIRTUAL_HOST_MULTIPORTS is not read/,
  ],
] as const) {
  test(`compat nginx-proxy: refused: ${JSON.stringify(environment)}`, () => {
    const { wanted, problems } = routes(environment);
    assert.deepEqual(wanted, []);
    const [text = ''] = problems.map(problemText);
    if (typeof expected === 'string') assert.equal(text, expected);
    else assert.match(text, expected);
  });
}
