/** The lab itself: what the other suites stand on, and that nothing of it stays. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HEALTH_IMAGE, type Engine } from '../lab/engine.ts';
import { get } from '../lab/http.ts';
import { HOST2_V4, HOST_V4, HOST_V6, openLab, type Lab } from '../lab/lab.ts';
import { isAlive, start } from '../lab/processes.ts';
import { mountsBelow, namespacesOf, pidsOf } from '../lab/sweep.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;

before(async () => {
  lab = await openLab({ secondNic: true });
  engine = await lab.startEngine({ args: ['--live-restore'] });
  await engine.run({ name: 'web', ports: ['127.0.0.1:1234:80', '0.0.0.0:8080:80'] });
});
after(() => lab.close());

const body = async (from: 'host' | 'outside', url: string): Promise<string> =>
  (await get(lab[from], url)).body;

test('a container published on loopback and on every address answers in the host', async () => {
  assert.equal(await body('host', 'http://127.0.0.1:1234/'), 'lab\n');
  assert.equal(await body('host', `http://${HOST_V4}:8080/`), 'lab\n');
});

test('from outside, what is published on every address answers, on both networks', async () => {
  assert.equal(await body('outside', `http://${HOST_V4}:8080/`), 'lab\n');
  assert.equal(await body('outside', `http://${HOST2_V4}:8080/`), 'lab\n');
  assert.equal((await get(lab.outside, `http://${HOST_V4}:1234/`)).status, 0);
});

test('a container tells its name and what reached it', async () => {
  const answer = await get(lab.outside, `http://${HOST_V4}:8080/cgi-bin/echo?a=b`, {
    host: 'app.example',
    headers: ['X-Test: value'],
  });
  assert.equal(answer.status, 200);
  for (const line of [
    'HOSTNAME=web',
    'REQUEST_URI=/cgi-bin/echo?a=b',
    'HTTP_HOST=app.example',
    'HTTP_X_TEST=value',
  ]) {
    assert.ok(answer.body.split('\n').includes(line), `${line} in ${answer.body}`);
  }
});

test('docker restart: the container answers again', async () => {
  await engine.docker('restart', '--time', '0', 'web');
  await waitUntil(
    'the container answers',
    async () => (await body('host', 'http://127.0.0.1:1234/')) === 'lab\n',
  );
});

test('dockerd restarted, then killed and started: with --live-restore the container runs on', async () => {
  const pidOfWeb = (): Promise<string> => engine.docker('inspect', '-f', '{{.State.Pid}}', 'web');
  const [pid, first] = [await pidOfWeb(), engine.pid()];
  await engine.restart();
  await engine.stop('SIGKILL');
  await engine.start();
  assert.equal(await pidOfWeb(), pid);
  assert.notEqual(engine.pid(), first);
  assert.equal(await body('outside', `http://${HOST_V4}:8080/`), 'lab\n');
});

test('the image with a health check is healthy as long as its file is there', async () => {
  await engine.run({ name: 'checked', image: HEALTH_IMAGE });
  const becomes = (health: string): Promise<true> =>
    waitUntil(
      `the container is ${health}`,
      async () =>
        (await engine.docker('inspect', '-f', '{{.State.Health.Status}}', 'checked')) === health,
    );
  await becomes('healthy');
  await engine.docker('exec', 'checked', 'rm', '/healthy');
  await becomes('unhealthy');
  await engine.docker('exec', 'checked', 'touch', '/healthy');
  await becomes('healthy');
});

test('nginx serves what lies in conf.d, over IPv4 and IPv6, and its reloads are counted', async () => {
  const nginx = await lab.startNginx({ workers: 1 });
  const serve = (text: string): Promise<void> =>
    writeFile(
      join(nginx.confDir, 'conf.d', 'one.conf'),
      `server { listen 80; listen [::]:80; location / { return 200 "${text}"; } }`,
    );
  await serve('first');
  const reloads = await nginx.reloads();
  process.kill(await nginx.pid(), 'SIGHUP');
  await waitUntil(
    'nginx serves the file',
    async () => (await body('outside', `http://${HOST_V4}/`)) === 'first',
  );
  assert.equal((await nginx.reloads()) - reloads, 1);
  assert.equal(await body('outside', `http://[${HOST_V6}]/`), 'first');

  await nginx.stop();
  assert.equal((await get(lab.outside, `http://${HOST_V4}/`)).status, 0);
  await serve('second');
  await nginx.start();
  assert.equal(await body('outside', `http://${HOST_V4}/`), 'second');
});

test('two labs of one process do not meet', async () => {
  const other = await openLab();
  try {
    assert.notEqual(other.host.name, lab.host.name);
    assert.equal((await get(other.outside, `http://${HOST_V4}:8080/`)).status, 0);
  } finally {
    await other.close();
  }
  assert.equal(await body('outside', `http://${HOST_V4}:8080/`), 'lab\n');
});

test('close() leaves no process, namespace, mount, control group or file', async () => {
  const closing = await openLab();
  const its = await closing.startEngine();
  await closing.startNginx();
  await its.run({ name: 'web', ports: ['8080:80'], args: ['--restart', 'always'] });
  await its.run({ name: 'at-host', network: 'host' });
  const pids = pidsOf(closing.folder);
  // containerd, dockerd, 2 shims, 2 containers, docker-proxy, master and workers of nginx
  assert.ok(pids.length >= 10, String(pids));
  await closing.close();
  assertGone(closing.folder, pids);
});

for (const [signal, sweeper] of [
  ['SIGTERM', 'by itself'],
  ['SIGKILL', 'by the next lab'],
] as const) {
  test(`a lab whose owner gets ${signal} is taken away ${sweeper}`, async () => {
    const script = fileURLToPath(new URL('../lab/open-and-wait.js', import.meta.url));
    const owner = start([process.execPath, script]);
    const folder = await waitUntil('the lab is open', () => {
      if (!isAlive(owner.pid)) throw new Error(`it ended: ${owner.output()}`);
      return /^\/tmp\/\S+$/m.exec(owner.output())?.[0];
    });
    const pids = pidsOf(folder);
    assert.ok(pids.length >= 7, String(pids));
    await owner.stop(signal);
    assert.equal(owner.child.signalCode, signal, owner.output());
    if (signal === 'SIGKILL') await (await openLab()).close();
    assertGone(folder, pids);
  });
}

function assertGone(folder: string, pids: readonly number[]): void {
  assert.deepEqual(pids.filter(isAlive), []);
  for (const name of Object.values(namespacesOf(folder))) {
    assert.equal(existsSync(join('/run/netns', name)), false, name);
  }
  assert.deepEqual(mountsBelow(folder), []);
  for (const hierarchy of readdirSync('/sys/fs/cgroup')) {
    assert.equal(existsSync(join('/sys/fs/cgroup', hierarchy, basename(folder))), false, hierarchy);
  }
  assert.equal(existsSync(join('/sys/fs/cgroup', basename(folder))), false);
  assert.equal(existsSync(folder), false);
}
