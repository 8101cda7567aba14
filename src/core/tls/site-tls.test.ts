import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN, type Access, type Site } from '../routes-model.ts';
import { certificateChooser, http2Of, siteTls, type TlsSettings } from './site-tls.ts';

const DAY = 86_400_000;
const pairs = [
  {
    name: 'shop',
    hosts: ['shop.example', 'www.shop.example'],
    notBefore: 0,
    notAfter: 9 * DAY,
    certificateFile: '/c/shop.crt',
    keyFile: '/c/shop.key',
    fingerprint: 'AB:CD',
    mustStaple: false,
  },
];
const settings: TlsSettings = {
  port: 443,
  redirect: true,
  hsts: '',
  http2: 'listen',
  http3: false,
  proxyProtocol: false,
  certificateOf: certificateChooser(pairs, DAY),
};
const site = (
  host: string,
  changes: Partial<Access> = {},
  redirectFrom: readonly string[] = [],
): Site => ({
  host,
  owner: 'x',
  redirectFrom,
  routes: [{ host, path: '/', access: { ...PLAIN, ...changes }, owner: 'x', servers: [] }],
});

for (const [version, hasModule, expected] of [
  ['1.22.1', true, 'listen'],
  ['1.25.0', true, 'listen'],
  ['1.25.1', true, 'directive'],
  ['1.30.0', true, 'directive'],
  ['1.30.0', false, 'none'],
] as const) {
  test(`http2Of(): Nginx ${version}, ${hasModule ? 'with' : 'without'} the module`, () =>
    assert.equal(http2Of(version, hasModule), expected));
}

test('siteTls(): certificate, listens and the names that it is for', () => {
  const tls = siteTls(site('shop.example', {}, ['www.shop.example', 'shop.test']), settings, true);
  assert.deepEqual(tls?.listens, [
    ['443', 'ssl', 'http2'],
    ['[::]:443', 'ssl', 'http2'],
  ]);
  assert.deepEqual(
    [tls?.certificate, tls?.key, tls?.target],
    ['/c/shop.crt', '/c/shop.key', 'https://shop.example'],
  );
  assert.deepEqual(tls?.redirectFrom, ['www.shop.example']);
});

for (const [title, host, changes, other, expected] of [
  ['no certificate', 'other.example', {}, {}, undefined],
  ['switched off', 'shop.example', { tls: 'off' }, {}, undefined],
  ['redirect switched off', 'shop.example', {}, { redirect: false }, false],
  ['only HTTPS, whatever the setting', 'shop.example', { tls: 'only' }, { redirect: false }, true],
  ['a certificate by name that is not there', 'shop.example', { cert: 'gone' }, {}, undefined],
] as const) {
  test(`siteTls(): ${title}`, () => {
    assert.equal(
      siteTls(site(host, changes), { ...settings, ...other }, false)?.redirect,
      expected,
    );
  });
}

test('siteTls(): another port is in the target, and a directive of its own for HTTP/2', () => {
  const tls = siteTls(site('shop.example'), { ...settings, port: 8443, http2: 'directive' }, false);
  assert.deepEqual(
    [tls?.target, tls?.http2, tls?.listens],
    ['https://shop.example:8443', true, [['8443', 'ssl']]],
  );
});
