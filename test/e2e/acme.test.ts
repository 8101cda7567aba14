/** An ACME client and Portcullis, with no hand work between them: Debian's certbot against Debian's pebble. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startAcme, type Acme } from '../lab/acme.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, openLab, type Lab, type Watching } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let acme: Acme;
let watching: Watching;
const webroot = (): string => join(lab.folder, 'webroot');

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({});
  nginx = await lab.startNginx();
  acme = await startAcme(lab);
  const settings = await put(
    join(lab.folder, 'portcullis.yaml'),
    `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { mode: "off" }
tls: { cert_dir: ${acme.live}, acme_dir: ${webroot()} }
`,
  );
  const options = ['--config', settings, '--docker', engine.url];
  assert.equal((await lab.portcullis([...options, 'init', '--yes'])).code, 0);
  await engine.run({
    name: 'shop',
    ports: ['127.0.0.1:1401:80'],
    // Neither the list of networks nor the redirect may stand before the challenge.
    labels: { 'portcullis.host': 'shop.example', 'portcullis.allow': '198.51.100.0/24' },
  });
  watching = lab.startPortcullis([...options, 'watch']);
  await watching.saw(/ reconciled /);
});
after(() => lab.close());

const request = async (url: string): Promise<string> => {
  const resolve = ['80', '443'].flatMap((port) => ['--resolve', `shop.example:${port}:${HOST_V4}`]);
  const { stdout } = await lab.outside.run([
    ...['curl', '-sk', '--max-time', '5', ...resolve, '-o', '/dev/null'],
    ...['-w', '%{http_code} %{redirect_url}', url],
  ]);
  return stdout.trim();
};

/** Serial number of the certificate that a client is shown. */
async function serial(): Promise<string | undefined> {
  const args = ['s_client', '-connect', `${HOST_V4}:443`, '-servername', 'shop.example'];
  const { stdout } = await lab.outside.run(['openssl', ...args], { stdin: '' });
  const pem = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(stdout)?.[0];
  if (pem === undefined) return undefined;
  const shown = await lab.outside.run(['openssl', 'x509', '-noout', '-serial'], { stdin: pem });
  return shown.stdout.trim();
}

const certonly = (): readonly string[] => [
  ...['certonly', '--webroot', '-w', webroot(), '-d', 'shop.example'],
  ...['--server', 'https://localhost:14000/dir', '-n', '--agree-tos'],
  '--register-unsafely-without-email',
];

test('the first certificate: asked for over HTTP, and the site is on HTTPS', async () => {
  assert.equal(await request('http://shop.example/'), '200');
  const { code, stdout, stderr } = await acme.certbot(...certonly());
  assert.equal(code, 0, stdout + stderr);
  await waitUntil(
    'the site is on HTTPS',
    async () => (await request('https://shop.example/')) === '200',
  );
  const moved = '301 https://shop.example/';
  await waitUntil(
    'HTTP leads there',
    async () => (await request('http://shop.example/')) === moved,
  );
});

test('a renewal: challenged behind the redirect, served after one reload', async () => {
  const [first, reloads] = [await serial(), await nginx.reloads()];
  assert.ok(first);
  const { code, stdout, stderr } = await acme.certbot(
    'renew',
    '--force-renewal',
    '-n',
    '--no-random-sleep-on-renew',
  );
  assert.equal(code, 0, stdout + stderr);
  await waitUntil('the new certificate is served', async () => {
    const now = await serial();
    return now !== undefined && now !== first;
  });
  assert.equal(await request('https://shop.example/'), '200');
  assert.equal((await nginx.reloads()) - reloads, 1);
});
