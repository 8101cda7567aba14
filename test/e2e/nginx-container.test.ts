/** `nginx.control: container:<name>`: Nginx in a container of a real engine. */
import assert from 'node:assert/strict';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import { importNginx, NGINX_IMAGE } from '../lab/nginx-image.ts';

const NAME = 'service-1234.example.com';

let lab: Lab;
let engine: Engine;
let dir = '';
let settingsFile = '';

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine();
  dir = join(lab.folder, 'portcullis');
  await mkdir(dir, { recursive: true });
  await chmod(lab.folder, 0o755);
  settingsFile = await put(
    join(lab.folder, 'portcullis.yaml'),
    `nginx: { dir: ${dir}, control: "container:edge" }\nfirewall: { mode: "off" }\n`,
  );
  await importNginx(lab, engine, dir);
});
after(() => lab.close());

const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', settingsFile, '--docker', engine.url, ...args]);

/** On the host's network, as it must be to reach 127.0.0.1:<port>. */
async function startEdge(...command: readonly string[]): Promise<void> {
  await engine.tryDocker('rm', '-f', 'edge');
  await engine.run({
    name: 'edge',
    image: NGINX_IMAGE,
    network: 'host',
    args: ['-v', `${dir}:${dir}`],
    command,
  });
}

test('generate: Nginx in a container that does not run: one clear message, exit code 1', async () => {
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 1);
  assert.match(stderr, /container edge/);
});

test('init: says what to put in a container’s configuration, or that it is there', async () => {
  await startEdge('nginx', '-g', 'daemon off;');
  assert.deepEqual((await portcullis('init', '--yes')).code, 0);
  await engine.docker(
    'exec',
    'edge',
    'sh',
    '-c',
    `echo 'events {} http {}' > /etc/nginx/nginx.conf`,
  );
  const { code, stderr } = await portcullis('init', '--yes');
  assert.equal(code, 1);
  assert.ok(stderr.includes(`"include ${dir}/*.conf;"`), stderr);
});

for (const [title, command] of [
  ['Nginx is the first process', ['nginx', '-g', 'daemon off;']],
  ['a shell is the first process', ['sh', '-c', 'trap "" HUP; nginx; sleep 3600']],
] as const) {
  test(`generate: Nginx in a container, where ${title}`, async () => {
    await startEdge(...command);
    await engine.tryDocker('rm', '-f', 'process_1234');
    await engine.run({
      name: 'process_1234',
      ports: ['127.0.0.1:1234:80'],
      labels: { 'portcullis.enable': 'true' },
    });
    const first = await portcullis('generate');
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const { status, body } = await get(lab.outside, `http://${HOST_V4}/cgi-bin/echo`, {
      host: NAME,
    });
    assert.equal(status, 200);
    assert.match(body, /^HOSTNAME=process_1234$/m);

    await engine.docker('rm', '-f', 'process_1234');
    const second = await portcullis('generate');
    assert.deepEqual([second.code, second.stderr], [0, '']);
    assert.equal((await get(lab.outside, `http://${HOST_V4}/`, { host: NAME })).status, 0);
  });
}

test('generate: a server block in the container wins; a mistake there is named', async () => {
  await startEdge('nginx', '-g', 'daemon off;');
  await engine.tryDocker('rm', '-f', 'process_1234');
  await engine.run({
    name: 'process_1234',
    ports: ['127.0.0.1:1234:80'],
    labels: { 'portcullis.host': 'own.example' },
  });
  const rejected = await portcullis('generate');
  assert.equal(rejected.code, 4);
  assert.match(rejected.stderr, /own\.example.*\/etc\/nginx\/conf\.d\/own\.conf:3/s);

  const file = '/etc/nginx/conf.d/own.conf';
  await engine.docker('exec', 'edge', 'sh', '-c', `echo 'nonsense on;' > ${file}`);
  const refused = await portcullis('generate');
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /unknown directive "nonsense" \(\/etc\/nginx\/conf\.d\/own\.conf:1\)/,
  );
});
