/** HTTPS through a real Nginx: certificates as they come, go, expire and do not fit. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readCertificates } from '../../src/adapters/certificates.ts';
import type { RunResult } from '../../src/adapters/run.ts';
import { makePair as makePairIn } from '../lab/certificates.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let settings = '';
let certs = '';

const makePair = (
  name: string,
  hosts: string,
  days?: number,
  extra?: readonly string[],
): Promise<unknown> =>
  makePairIn(certs, { name, hosts, ...(days !== undefined && { days }), ...(extra && { extra }) });

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({});
  nginx = await lab.startNginx();
  certs = join(lab.folder, 'certs');
  mkdirSync(certs);
  settings = await put(
    join(lab.folder, 'portcullis.yaml'),
    `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { mode: "off" }
tls: { cert_dir: ${certs}, acme_dir: ${join(lab.folder, 'acme')}, hsts: max-age=600 }
`,
  );
  const init = await portcullis('init', '--yes');
  assert.equal(init.code, 0, init.stderr);
  const serve = (name: string, port: number, labels: Readonly<Record<string, string>>) =>
    engine.run({
      name,
      ports: [`127.0.0.1:${port}:80`],
      labels: Object.fromEntries(
        Object.entries(labels).map(([key, value]) => [`portcullis.${key}`, value]),
      ),
    });
  await serve('shop', 1401, { host: 'shop.example', 'redirect-from': 'www.shop.example' });
  await serve('plain', 1402, { host: 'plain.example' });
  await serve('off', 1403, { host: 'off.example', tls: 'off' });
  await serve('only', 1404, { host: 'only.example', tls: 'only' });
  await serve('any', 1405, { host: '*.wild.example' });
});
after(() => lab.close());

const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', settings, '--docker', engine.url, ...args]);
const curl = async (url: string, ...more: readonly string[]): Promise<string> => {
  const { hostname, port, protocol } = new URL(url);
  const at = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}:${HOST_V4}`;
  const args = ['curl', '-sk', '--max-time', '5', '--resolve', at, '-o', '/dev/null', ...more];
  return (
    await lab.outside.run([...args, '-w', '%{http_code} %{redirect_url} %{http_version}', url])
  ).stdout;
};
/** The headers of the answer. */
const get = async (url: string): Promise<string> => {
  const resolve = ['--resolve', `${new URL(url).hostname}:443:${HOST_V4}`];
  return (await lab.outside.run(['curl', '-skI', ...resolve, url])).stdout;
};
const handshake = async (host: string, ...more: readonly string[]): Promise<string> => {
  const args = ['openssl', 's_client', '-connect', `${HOST_V4}:443`, '-servername', host, ...more];
  const { stdout, stderr } = await lab.outside.run(args, { stdin: '' });
  return stdout + stderr;
};

test('without a certificate there is no HTTPS, and "only" is rejected', async () => {
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 4);
  assert.match(
    stderr,
    /only.*asks for only\.example over HTTPS only, but tls\.cert_dir has no certificate for only\.example/,
  );
  assert.equal(await curl('http://shop.example/'), '200  1.1');
  assert.match(await curl('https://shop.example/'), /^000/);
});

test('with certificates: HTTPS, redirects by method, HTTP/2, HSTS; unknown names are refused', async () => {
  await makePair('shop', 'shop.example www.shop.example');
  await makePair('only', '*.example only.example');
  await makePair('wild', '*.wild.example');
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 0, stderr);
  assert.equal(await curl('https://shop.example/'), '200  2');
  assert.equal(await curl('http://shop.example/a?b=c'), '301 https://shop.example/a?b=c 1.1');
  assert.equal(await curl('http://shop.example/a', '-d', 'x'), '308 https://shop.example/a 1.1');
  assert.equal(await curl('http://www.shop.example/a'), '301 https://shop.example/a 1.1');
  assert.equal(await curl('https://www.shop.example/a'), '301 https://shop.example/a 2');
  assert.equal(await curl('https://only.example/'), '200  2');
  assert.equal(await curl('https://plain.example/'), '200  2', 'by the wildcard');
  assert.equal(await curl('http://off.example/'), '200  1.1');
  assert.equal(await curl('https://x.wild.example/'), '200  2', 'a wildcard host');
  for (const host of ['nobody.example', 'off.example']) {
    const asked = await curl('https://shop.example/', '-H', `Host: ${host}`);
    // Nginx from 1.26.3 on says 421 by itself.
    assert.match(asked, /^(?:000|421)/, 'a host without HTTPS behind the handshake of another');
  }
  assert.equal(await curl('http://x.wild.example/a'), '301 https://x.wild.example/a 1.1');
  const headers = await get('https://shop.example/');
  assert.match(headers, /^strict-transport-security: max-age=600\r?$/im);
  const shaken = await handshake('shop.example', '-alpn', 'h2');
  assert.match(shaken, /ALPN protocol: h2/);
  assert.match(await handshake('nobody.example'), /unrecognized name|no peer certificate/);
  assert.match(await handshake('off.example'), /unrecognized name|no peer certificate/);
  const weak = await handshake('shop.example', '-tls1_2', '-cipher', 'AES128-SHA:AES256-SHA');
  assert.match(weak, /handshake failure|no cipher match/i, 'no cipher without forward secrecy');
  assert.match(await handshake('shop.example', '-tls1_3'), /TLSv1\.3/);
  assert.match(await handshake('shop.example', '-tls1_1'), /alert|no protocols|unsupported/i);
  const routes = JSON.parse((await portcullis('routes', '--json')).stdout);
  assert.deepEqual(
    routes.map(({ host, tls }: { host: string; tls: boolean }) => [host, tls]),
    [
      ['*.wild.example', true],
      ['off.example', false],
      ['only.example', true],
      ['plain.example', true],
      ['shop.example', true],
    ],
  );
});

test('a challenge of ACME is answered before redirect and access, over both', async () => {
  await put(join(lab.folder, 'acme', '.well-known', 'acme-challenge', 'token'), 'answer');
  for (const url of [
    'http://shop.example',
    'https://shop.example',
    'http://www.shop.example',
    'http://off.example',
  ]) {
    assert.match(await curl(`${url}/.well-known/acme-challenge/token`), /^200/, url);
  }
});

for (const [title, spoil, reason] of [
  ['expired', () => makePair('shop', 'shop.example', -1), /certificate "shop" expired/],
  [
    'with the key of another',
    async () => cpSync(join(certs, 'only.key'), join(certs, 'shop.key')),
    /is not the key of/,
  ],
  ['without its key', async () => rmSync(join(certs, 'shop.key')), /shop\.key cannot be read/],
] as const) {
  test(`a pair that is ${title}: that site over HTTP only, with the reason, the others as they were`, async () => {
    await makePair('only', 'only.example');
    await makePair('shop', 'shop.example');
    assert.equal((await portcullis('generate')).code, 0);
    await spoil();
    const { code, stderr } = await portcullis('generate');
    assert.equal(code, 4);
    assert.match(stderr, /shop\.example is served over HTTP only/);
    assert.match(stderr, reason);
    assert.equal(await curl('http://shop.example/'), '200  1.1');
    assert.equal(await curl('https://only.example/'), '200  2');
  });
}

test('watch: a renewed certificate is served after one reload, and an untouched one costs none', async () => {
  await makePair('shop', 'shop.example');
  const watching = lab.startPortcullis(['--config', settings, '--docker', engine.url, 'watch']);
  try {
    await watching.saw(/ reconciled /);
    const serial = async (): Promise<string> =>
      /serial=\w+/.exec(
        (
          await lab.outside.run([
            'sh',
            '-c',
            `openssl s_client -connect ${HOST_V4}:443 -servername shop.example </dev/null 2>/dev/null | openssl x509 -noout -serial`,
          ])
        ).stdout,
      )?.[0] ?? '';
    const first = await serial();
    const reloads = await nginx.reloads();
    await makePair('shop', 'shop.example');
    await waitUntil('the new one is served', async () => {
      const now = await serial();
      return (now !== '' && now !== first) || undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.ok((await nginx.reloads()) - reloads <= 2, 'its two files came one after the other');
  } finally {
    await watching.stop();
  }
});

test('readCertificates(): both layouts, through links', () => {
  mkdirSync(join(certs, 'site'));
  symlinkSync('../only.crt', join(certs, 'site', 'fullchain.pem'));
  symlinkSync('../only.key', join(certs, 'site', 'privkey.pem'));
  const read = new Map(readCertificates(certs).map((pair) => [pair.name, pair]));
  assert.deepEqual(read.get('site')?.hosts, ['only.example']);
  assert.equal(read.get('site')?.broken, undefined);
  rmSync(join(certs, 'site'), { recursive: true });
});

test('HTTP/3: spoken where Nginx is built with it, told where it is not', async () => {
  const text = await readFile(settings, 'utf8');
  await put(settings, text.replace(/^nginx: \{/, 'nginx: { http3: true,'));
  await makePair('shop', 'shop.example www.shop.example');
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 0, stderr);
  const { stderr: build } = await lab.host.run(['nginx', '-V']);
  const headers = await get('https://shop.example/');
  if (build.includes('http_v3_module')) {
    assert.match(headers, /^alt-svc: h3=":443"; ma=86400\r?$/im);
    const client = process.env['LAB_HTTP3_CURL'];
    assert.ok(client, 'LAB_HTTP3_CURL must name a curl with HTTP/3 for this Nginx');
    for (const name of ['shop.example', 'only.example']) {
      const { stdout } = await lab.outside.run([
        ...[client, '-sk', '--http3-only', '--max-time', '5', '-o', '/dev/null'],
        ...['--resolve', `${name}:443:${HOST_V4}`, '-w', '%{http_code} %{http_version}'],
        `https://${name}/`,
      ]);
      assert.equal(stdout, '200 3');
    }
  } else {
    assert.match(stderr, /http3-off.*is built without HTTP\/3/);
    assert.doesNotMatch(headers, /alt-svc/i);
  }
  await put(settings, text);
});

test('OCSP stapling: only for a certificate that says it is nothing without', async () => {
  const site = async (): Promise<string> =>
    (await portcullis('generate', '--dry-run')).stdout.split(/^(?=# shop\.example: )/m)[1] ?? '';
  await makePair('shop', 'shop.example www.shop.example', 30, [
    'authorityInfoAccess=OCSP;URI:http://ocsp.example',
  ]);
  assert.doesNotMatch(await site(), /ssl_stapling/);
  await makePair('shop', 'shop.example www.shop.example', 30, [
    'authorityInfoAccess=OCSP;URI:http://ocsp.example',
    'tlsfeature=status_request',
  ]);
  assert.match(await site(), /ssl_stapling on;\n +ssl_stapling_verify on;/);
});
