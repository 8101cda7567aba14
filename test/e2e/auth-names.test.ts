/** Forward-auth endpoints by name: what Nginx must look up, and that it does so for requests alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bytesBelow, put } from '../lab/files.ts';
import { makeLab, openLab } from '../lab/lab.ts';
import { withFiles } from '../lab/other-files.ts';
import { playDocker } from '../lab/played-docker.ts';
import type { Started } from '../lab/processes.ts';
import {
  openProxyStage,
  PORTS,
  type Labels,
  type ProxyStage,
  type Service,
} from '../lab/proxy-stage.ts';
import { waitUntil } from '../lab/wait-until.ts';

const HOSTS = `127.0.0.1 localhost
::1 auth.lan # where nobody listens
127.0.0.1 Auth.lan internal.example
`;
const RESOLV_CONF = `nameserver fe80::1%lo
nameserver 127.0.0.1
nameserver ::1
`;
const ADDRESSES = {
  'auth.example': '127.0.0.1',
  'other.example': '127.0.0.1',
  'tls.internal.example': '127.0.0.1',
};

let stage: ProxyStage;
let names: Started;
let resolvConf = '';
before(async () => {
  const lab = await openLab();
  const hosts = await put(`${lab.folder}/hosts`, HOSTS);
  resolvConf = await put(`${lab.folder}/resolv.conf`, RESOLV_CONF);
  const files = { '/etc/hosts': hosts, '/etc/resolv.conf': resolvConf };
  stage = await openProxyStage(makeLab({ ...lab, host: withFiles(lab.host, files) }));
  const program = fileURLToPath(new URL('../lab/name-server.js', import.meta.url));
  names = lab.host.start([process.execPath, program, JSON.stringify(ADDRESSES)]);
  lab.cleanup.add('the name server', () => names.stop('SIGKILL'));
  await waitUntil('the name server listens', () => names.output().includes('ready'));
});
after(() => stage.lab.close());

const asked = (): readonly string[] =>
  names
    .output()
    .split('\n')
    .filter((line) => line.startsWith('asked '));
const web = (host: string, labels: Labels = {}): Service => ({
  name: host.split('.')[0] ?? '',
  port: 1401,
  labels: { host, ...labels },
});
const alice = ['-b', 'session=ok'];

test('names that are answered slowly keep nobody from being published, and are not asked for', async () => {
  await stage.settings(', test_timeout: 10s');
  const slow = [1, 2, 3, 4].map((each) =>
    web(`s${each}.example`, { 'auth-request': `http://s${each}.slow.example/` }),
  );
  await stage.served(web('good.example'), ...slow);
  assert.equal((await stage.echoed('good.example')).port, 1401);
  assert.deepEqual(asked(), []);
  await stage.settings();
});

test('a name of DNS is looked up for a request; the endpoint gets path and Host as the label has them', async () => {
  await stage.served(
    web('web.example', { 'auth-request': `http://auth.example:${PORTS.auth}/a~b/verify` }),
  );
  assert.equal((await stage.fetched('web.example', '/x?y=z')).status, 302);
  const { headers, url } = await stage.echoed('web.example', '/x?y=z', ...alice);
  assert.equal(url, '/x?y=z');
  assert.equal(headers['remote-name'], `auth.example:${PORTS.auth} /a~b/verify`);
  assert.ok(asked().includes('asked auth.example'));
});

test('a name of /etc/hosts is nobody asked for; each of its addresses is tried', async () => {
  const askedBefore = asked().length;
  await stage.served(
    web('web.example', { 'auth-request': `http://auth.lan:${PORTS.auth}/verify` }),
    web('local.example', { 'auth-request': `http://localhost:${PORTS.auth}` }),
  );
  const { headers } = await stage.echoed('web.example', '/', ...alice);
  assert.equal(headers['remote-name'], `auth.lan:${PORTS.auth} /verify`);
  const local = await stage.echoed('local.example', '/', ...alice);
  assert.equal(local.headers['remote-name'], `localhost:${PORTS.auth} /`);
  assert.equal(asked().length, askedBefore);
});

test('an endpoint that speaks TLS has a certificate for its name, wherever the address is from', async () => {
  const env = { PORTCULLIS_TLS_UPSTREAM_CA: stage.at('ca', 'internal.crt') };
  const hosts = ['internal.example', 'tls.internal.example', 'other.example', 'localhost'];
  const services = hosts.map((host, index) =>
    web(`w${index}.example`, { 'auth-request': `https://${host}:${PORTS.https}/verify` }),
  );
  await stage.serve(...services);
  const { code, stderr } = await stage.lab.portcullis(
    [
      ...['--config', stage.at('portcullis.yaml')],
      ...['generate', '--from', stage.at('compose.json')],
    ],
    { env },
  );
  assert.equal(code, 0, stderr);
  const statuses: number[] = [];
  for (const index of hosts.keys()) {
    statuses.push((await stage.fetched(`w${index}.example`)).status);
  }
  assert.deepEqual(statuses, [200, 200, 500, 500]);
});

test('a name that nobody knows, or that is answered too late, lets nobody in', async () => {
  await stage.served(
    web('none.example', { 'auth-request': `http://nobody.example:${PORTS.auth}/` }),
    web('late.example', { 'auth-request': `http://late.slow.example:${PORTS.auth}/` }),
  );
  for (const host of ['none.example', 'late.example']) {
    assert.equal((await stage.fetched(host, '/', ...alice, '--max-time', '20')).status, 500, host);
  }
});

test('without a nameserver a name is refused, one of /etc/hosts and an address are not', async () => {
  await put(resolvConf, 'search example\nnameserver fe80::1%lo\n');
  const { code, stderr } = await stage.serve(
    web('dns.example', { 'auth-request': 'http://auth.example/verify' }),
    web('hosts.example', { 'auth-request': `http://auth.lan:${PORTS.auth}/verify` }),
    web('address.example', { 'auth-request': `http://127.0.0.1:${PORTS.auth}/verify` }),
  );
  await put(resolvConf, RESOLV_CONF);
  assert.equal(code, 4, stderr);
  assert.match(
    stderr,
    /lab-dns-1.* asks for auth-request at auth\.example, but \/etc\/hosts does not have that name and \/etc\/resolv\.conf no nameserver that Nginx can ask: give an address/,
  );
  for (const host of ['hosts.example', 'address.example']) {
    assert.equal((await stage.fetched(host, '/', ...alice)).status, 200, host);
  }
  assert.equal((await stage.fetched('dns.example', '/', ...alice)).status, 0);
});

test('watch follows /etc/resolv.conf', async () => {
  const docker = await playDocker(stage.at('played.sock'), 1, {
    labels: { 'portcullis.auth-request': 'http://auth.example/' },
  });
  stage.lab.cleanup.add('the played engine', () => docker.close());
  const watch = stage.lab.startPortcullis([
    ...['--config', stage.at('portcullis.yaml'), '--docker', docker.url, 'watch'],
  ]);
  const asks = async (nameservers: string): Promise<void> =>
    void (await waitUntil(`Nginx is to ask ${nameservers}; ${watch.output()}`, async () =>
      Object.entries(await bytesBelow(stage.nginx.dir)).some(
        ([path, text]) =>
          path.includes('service-10000.') && text.includes(`resolver ${nameservers} valid`),
      ),
    ));
  await asks('127.0.0.1 [::1]');
  await put(resolvConf, 'nameserver 127.0.0.2\n');
  await asks('127.0.0.2');
  await watch.stop();
});
