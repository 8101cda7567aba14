/** DOCKER_HOST=tcp://… with DOCKER_TLS_VERIFY, against a real engine that asks for a client certificate. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openLab, type Lab } from '../lab/lab.ts';

let lab: Lab;
let certificates: string;

before(async () => {
  lab = await openLab();
  certificates = join(lab.folder, 'certificates');
  await makeCertificates();
  await lab.startEngine({
    args: [
      ...['-H', 'tcp://127.0.0.1:2376', '-H', 'tcp://[::1]:2376', '--tlsverify'],
      ...['--tlscacert', join(certificates, 'ca.pem')],
      ...['--tlscert', join(certificates, 'server.pem'), '--tlskey', join(certificates, 'key.pem')],
    ],
  });
});
after(() => lab.close());

async function makeCertificates(): Promise<void> {
  mkdirSync(certificates);
  const at = (name: string): string => join(certificates, name);
  const openssl = (...args: readonly string[]): Promise<string> =>
    lab.host.ok(['openssl', ...args]);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=ca',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  // One key for both ends: only the two certificates' purposes differ.
  await openssl('req', ...key, '-subj', '/CN=lab', '-keyout', at('key.pem'), '-out', at('lab.csr'));
  const purposes = {
    server: 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n',
    cert: 'extendedKeyUsage=clientAuth\n',
  };
  for (const [name, extensions] of Object.entries(purposes)) {
    writeFileSync(at(`${name}.ext`), extensions);
    await openssl(
      ...['x509', '-req', '-in', at('lab.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key')],
      ...[
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        at(`${name}.ext`),
        '-out',
        at(`${name}.pem`),
      ],
    );
  }
}

/** Asks for the containers from within the host namespace; gives their number or the error. */
async function ask(env: Readonly<Record<string, string>>): Promise<string> {
  const adapter = new URL('../../src/adapters/docker.js', import.meta.url).href;
  const script = `
    const { openDocker } = await import(${JSON.stringify(adapter)});
    const docker = await openDocker({ url: undefined, env: process.env });
    const listed = docker.containers(new AbortController().signal);
    console.log(await listed.then((all) => all.length + ' containers', (error) => error.message));
  `;
  const given = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = ['env', ...given, process.execPath, '--input-type=module', '-e', script];
  return (await lab.host.ok(argv)).trim();
}

for (const host of [
  'tcp://127.0.0.1:2376',
  'tcp://[::1]',
  'tcp://localhost',
  'https://127.0.0.1',
]) {
  test(`openDocker(): ${host} with certificates`, async () => {
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates };
    assert.equal(await ask(env), '0 containers');
  });
}

test('openDocker(): without TLS, the engine’s own advice is passed on', async () => {
  assert.match(
    await ask({ DOCKER_HOST: 'tcp://127.0.0.1:2376' }),
    /HTTP request to an HTTPS server/,
  );
});

test('openDocker(): an engine that shows another certificate is refused', async () => {
  const other = join(lab.folder, 'other');
  mkdirSync(other);
  await lab.host.ok([
    ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-nodes', '-days', '2', '-subj', '/CN=other'],
    ...['-keyout', join(other, 'ca.key'), '-out', join(other, 'ca.pem')],
  ]);
  const env = { DOCKER_HOST: 'tcp://127.0.0.1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: other };
  assert.match(
    await ask(env),
    /^cannot reach Docker at tcp:\/\/127\.0\.0\.1:2376: the TLS connection failed \(\w+\); check DOCKER_CERT_PATH$/,
  );
});
