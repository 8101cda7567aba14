/**
 * Debian with systemd, Docker and Nginx as their packages set them up, and Portcullis from its own
 * package: `npm run test:systemd`. The tests follow one host from its installation to `init --undo`.
 */
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run } from '../../src/adapters/run.ts';
import { version } from '../../src/version.ts';
import { bytesBelow, put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { IMAGE, importImages } from '../lab/images.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import { bootSystemdHost, type SystemdHost } from '../lab/systemd-host.ts';
import { waitUntil } from '../lab/wait-until.ts';

const PACKAGE = `portcullis_${version()}_all.deb`;
const SETTINGS = '/etc/portcullis/portcullis.yaml';
const LOG = '/var/log/portcullis-sites/access.log';
const LIMIT_MS = 30_000;

let lab: Lab;
let host: SystemdHost;
let fresh: Readonly<Record<string, string>> = {};

before(async () => {
  lab = await openLab();
  host = await bootSystemdHost(lab);
});
after(() => lab?.close());

const at = (path: string): string => join(host.root(), path);

/** All that `init` may touch. */
async function etc(): Promise<Readonly<Record<string, string>>> {
  const folders = ['nginx/conf.d', 'nginx/nginx.conf', 'systemd/system', 'logrotate.d'];
  const found = await bytesBelow(at('/etc'));
  return Object.fromEntries(
    Object.entries(found).filter(([path]) => folders.some((folder) => path.startsWith(folder))),
  );
}

async function start(name: string, port: number, ...args: readonly string[]): Promise<void> {
  const published = ['-p', `${port}:80`, '--label', `portcullis.host=${name}.example`];
  const served = ['/bin/httpd', '-f', '-p', '80', '-h', '/www'];
  await host.docker('run', '-d', '--name', name, ...published, ...args, IMAGE, ...served);
}

/** By the container itself: Debian's Nginx has a page of its own for everybody else. */
const serves = async (name: string): Promise<boolean> =>
  (await get(lab.outside, `http://${HOST_V4}/`, { host: `${name}.example` })).body === 'lab\n';

const isServed = (name: string): Promise<unknown> =>
  waitUntil(`${name} is served`, () => serves(name), LIMIT_MS);

const opens = async (port: number): Promise<boolean> =>
  (await get(lab.outside, `http://${HOST_V4}:${port}/`, { args: ['--connect-timeout', '1'] }))
    .status === 200;

const show = async (unit: string, property: string): Promise<string> =>
  (await host.ok(['systemctl', 'show', '-p', property, '--value', unit])).trim();

async function doctorSays(name: string): Promise<string> {
  const { stdout } = await host.run(['portcullis', 'doctor', '--json']);
  const checks: readonly { name: string; state: string; what: string }[] = JSON.parse(stdout);
  const check = checks.find((each) => each.name === name);
  return `${check?.state}: ${check?.what}`;
}

const setUp = (text: string): Promise<string> => put(at(SETTINGS), text);

test('the package installs, and starts nothing', async () => {
  const made = await run('bash', [join(packageRoot(), '.ci/deb'), lab.folder]);
  assert.equal(made.code, 0, made.stderr);
  await copyFile(join(lab.folder, PACKAGE), at(`/root/${PACKAGE}`));
  await host.ok(['dpkg', '-i', `/root/${PACKAGE}`]); // fails where a dependency is not there
  assert.equal((await host.ok(['portcullis', '--version'])).trim(), version());
  assert.equal(await show('portcullis', 'ActiveState'), 'inactive');
  await importImages((...args) => host.docker(...args), lab.folder);
  await start('web', 8080, '--restart', 'always');
  assert.equal(await opens(8080), true, 'as Docker leaves it');
  fresh = await etc();
});

test('init shows what it will write, installs, and says what to run', async () => {
  await setUp(`nginx: { access_log: ${LOG} }\n`);
  await host.ok(['mkdir', '-p', '/var/log/portcullis-sites']);
  assert.match(await doctorSays('watch unit'), /^warning: portcullis.service is not the one/);
  const said = await host.ok(['portcullis', 'init', '--yes']);
  assert.match(said, /^\+ExecStart=\/usr\/bin\/portcullis watch$/m);
  assert.match(said, /^\+.*ReadWritePaths=.*-\/var\/log\/portcullis-sites/m);
  assert.match(said, /"systemctl enable --now portcullis" starts it/);
  assert.equal(await show('portcullis', 'UnitFileState'), 'disabled');
  assert.match(await host.ok(['portcullis', 'init', '--yes']), /^nothing to do/);
  assert.match(await doctorSays('watch unit'), /^warning: .*not enabled/);
});

test('init --enable starts it: a container is served, and closed to all others', async () => {
  await host.ok(['portcullis', 'init', '--enable', '--yes']);
  // A reload before it has read anything is no reason to end.
  await host.run(['systemctl', 'reload', 'portcullis']);
  await isServed('web');
  assert.equal(await opens(8080), false);
  assert.match(await host.ok(['portcullis', 'status']), /^watch is well/);
  assert.match(await doctorSays('watch unit'), /^ok/);
  console.log(
    (await host.run(['systemd-analyze', 'security', 'portcullis'])).stdout
      .trim()
      .split('\n')
      .at(-1),
  );
});

test('a container that comes later is served: Nginx is told by a signal', async () => {
  await start('later', 8081);
  await isServed('later');
});

test('rules that somebody deletes come back', async () => {
  await host.ok(['nft', 'delete', 'table', 'inet', 'portcullis']);
  await waitUntil(
    'the table is back',
    async () => (await host.run(['nft', 'list', 'table', 'inet', 'portcullis'])).code === 0,
    LIMIT_MS,
  );
});

test('systemctl reload reads the settings anew', async () => {
  await put(at(SETTINGS), `nginx: { access_log: ${LOG}, control: systemd }\n`);
  await host.ok(['systemctl', 'reload', 'portcullis']);
  await waitUntil(
    'applied',
    async () => /settings-applied/.test(await host.journal('portcullis')),
    LIMIT_MS,
  );
});

test('nginx.control systemd: Nginx is told by "systemctl reload nginx"', async () => {
  assert.match(await show('nginx', 'ExecReload'), /start_time=\[n\/a\]/);
  await start('third', 8082);
  await isServed('third');
  assert.doesNotMatch(await show('nginx', 'ExecReload'), /start_time=\[n\/a\]/);
});

test('logrotate: Nginx writes to the new log, and no line is lost', async () => {
  const lines = async (path: string): Promise<number> =>
    Number(await host.ok(['sh', '-c', `grep -c third.example ${path} || true`]));
  const earlier = await lines(LOG);
  assert.ok(earlier > 0);
  const { stderr } = await host.run(['logrotate', '-f', '/etc/logrotate.conf']);
  assert.doesNotMatch(stderr, /error/i);
  await waitUntil(
    'a request is in the new log',
    async () => (await serves('third')) && (await lines(LOG)) > 0,
    LIMIT_MS,
  );
  assert.ok((await lines(`${LOG}.1`)) >= earlier);
});

test('a watch that is killed is there again', async () => {
  const pid = await show('portcullis', 'MainPID');
  assert.ok(Number(pid) > 1, pid);
  await host.ok(['kill', '-9', pid]);
  await waitUntil(
    'another runs',
    async () =>
      (await show('portcullis', 'MainPID')) !== pid &&
      (await host.run(['portcullis', 'status'])).code === 0,
    LIMIT_MS,
  );
});

test('systemctl stop ends it by SIGTERM, and everything stays closed and served', async () => {
  await host.ok(['systemctl', 'stop', 'portcullis']);
  assert.equal(await show('portcullis', 'Result'), 'success', 'not ended by a timeout');
  assert.equal(await serves('web'), true);
  assert.equal(await opens(8080), false);
});

test('wrong settings: told once, not tried for ever; doctor says so', async () => {
  await setUp('nginx: { access_lag: x }\n');
  await host.run(['systemctl', 'start', 'portcullis']);
  await waitUntil(
    'failed',
    async () => (await show('portcullis', 'ActiveState')) === 'failed',
    LIMIT_MS,
  );
  assert.equal(await show('portcullis', 'ExecMainStatus'), '2');
  assert.match(
    await host.journal('portcullis'),
    /portcullis.yaml:1: "nginx.access_lag" is not a known key/,
  );
  await setUp(`nginx: { access_log: ${LOG} }\n`);
  assert.match(await doctorSays('watch unit'), /^problem: .*does not run/);
  await host.ok(['systemctl', 'restart', 'portcullis']);
});

for (const backend of ['iptables', 'docker-user', 'nftables']) {
  test(`the unit may use ${backend}`, async () => {
    await setUp(`firewall: { backend: ${backend} }\nnginx: { access_log: ${LOG} }\n`);
    await host.ok(['systemctl', 'reload', 'portcullis']);
    await waitUntil(
      'enforced with it',
      // Between two settings nobody answers for a moment.
      async () =>
        (await host.run(['portcullis', 'status'])).stdout.includes(`enforced with ${backend}`),
      LIMIT_MS,
    );
    assert.equal(await opens(8080), false);
  });
}

test('after a power cut: closed before Docker starts, then served again', async () => {
  await host.powerCycle();
  const stamp = async (unit: string, property: string): Promise<number> =>
    Number(await show(unit, property));
  assert.equal(await show('portcullis-firewall', 'Result'), 'success');
  const closed = await stamp('portcullis-firewall', 'ExecMainExitTimestampMonotonic');
  const docker = await stamp('docker', 'ExecMainStartTimestampMonotonic');
  assert.ok(closed > 0 && docker > 0 && closed < docker, `${closed} before ${docker}`);
  await isServed('web');
  assert.equal(await opens(8080), false);
  assert.match(await doctorSays('watch unit'), /^ok/);
});

test('init --undo restores every file, byte for byte', async () => {
  const said = await host.ok(['portcullis', 'init', '--undo', '--yes']);
  assert.match(said, /stop and disable portcullis.service/);
  assert.deepEqual(await etc(), fresh);
  assert.equal(await show('portcullis', 'ActiveState'), 'inactive');
  await host.ok(['portcullis', 'firewall', 'remove', '--yes']);
  assert.equal(await opens(8080), true);
  await host.ok(['dpkg', '-r', 'portcullis']);
  assert.equal((await host.run(['ls', '/usr/lib/portcullis'])).code, 2);
});
