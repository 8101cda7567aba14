/** Every command through a proxy that refuses what is not in src/core/docker/engine-calls.ts. */
import assert from 'node:assert/strict';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import { ENGINE_CALLS } from '../../src/core/docker/engine-calls.ts';
import { startDenyingDocker, type DenyingDocker } from '../lab/denying-docker.ts';
import { IMAGE, type Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { importNginx, NGINX_IMAGE } from '../lab/nginx-image.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let docker: DenyingDocker;
let local = '';
let inContainer = '';

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine();
  await engine.docker('swarm', 'init', '--advertise-addr', HOST_V4); // so that services are asked for
  nginx = await lab.startNginx();
  await mkdir(nginx.dir, { recursive: true });
  await chmod(lab.folder, 0o755);
  docker = await startDenyingDocker(lab.folder, engine.socket);
  lab.cleanup.add('denying docker', () => docker.close());
  local = await settings(
    'local.yaml',
    `dir: ${nginx.dir}, config: ${nginx.config}, control: local`,
  );
  inContainer = await settings('container.yaml', `dir: ${nginx.dir}, control: "container:edge"`);
  await web('process_1234', 1234);
  await engine.docker('create', '--name', 'resting', '-p', '1235:80', IMAGE, '/bin/httpd'); // is inspected
});
after(async () => {
  await engine?.tryDocker('swarm', 'leave', '--force');
  await lab.close();
});
afterEach(() => assert.deepEqual(docker.denied, []));

const settings = (name: string, ofNginx: string): Promise<string> =>
  put(
    join(lab.folder, name),
    `nginx: { ${ofNginx} }
firewall: { state_dir: ${join(lab.folder, 'state')} }
watch: { resync: 1s }
`,
  );

const web = (name: string, port: number): Promise<string> =>
  engine.run({
    name,
    ports: [`127.0.0.1:${port}:80`],
    labels: { 'portcullis.enable': 'true' },
  });

const portcullis = (file: string, ...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', file, '--docker', docker.url, ...args]);

const COMMANDS: readonly (readonly [exitCode: number, ...args: string[]])[] = [
  [0, 'init', '--yes'],
  [0, 'generate'],
  [0, 'generate', '--check'],
  [0, 'routes', '--json'],
  [0, 'firewall', 'show'],
  [0, 'firewall', 'apply', '--yes'],
  [0, 'firewall', 'check'],
  [0, 'audit', '--json'],
  [0, 'explain', 'service-1234.example.com'],
  [0, 'explain', 'process_1234'],
  [0, 'explain', '1234'],
];

for (const [exitCode, ...args] of COMMANDS) {
  test(`${args.join(' ')} asks nothing else`, async () => {
    const { code, stdout, stderr } = await portcullis(local, ...args);
    assert.equal(code, exitCode, stdout + stderr);
  });
}

test('doctor asks nothing else', async () => {
  const { stdout } = await portcullis(local, 'doctor', '--json');
  assert.doesNotMatch(stdout, /refused|HTTP 403/);
});

test('watch asks nothing else: at its start, for events, when it lists again', async () => {
  const watching = lab.startPortcullis([
    ...['--config', local, '--docker', docker.url, '--log-level', 'debug', 'watch'],
  ]);
  try {
    await watching.saw(/firewall-enforced/);
    await watching.saw(/reconciled/);
    await web('process_1236', 1236);
    await watching.saw(/docker-event .*start/);
    await engine.docker('network', 'create', 'side');
    await watching.saw(/docker-event .*network.*side|docker-event .*side/);
    await engine.docker(
      'service',
      'create',
      '--detach',
      '--no-resolve-image',
      '--name',
      'tasks',
      IMAGE,
      'sleep',
      '9',
    );
    await waitUntil('the service is asked for', () =>
      [...docker.used].some(({ path }) => path === '/services/<id>'),
    );
    const status = await portcullis(local, 'status', '--json');
    assert.equal(status.code, 0, status.stderr);
    await engine.docker('rm', '-f', 'process_1236');
    await watching.saw(/docker-event .*destroy.*process_1236/);
  } finally {
    await watching.stop();
  }
});

for (const [title, command] of [
  ['the first process', ['nginx', '-g', 'daemon off;']],
  ['under a shell', ['sh', '-c', 'trap "" HUP; nginx; sleep 3600']],
] as const) {
  test(`Nginx in a container, ${title}: generate asks nothing else`, async () => {
    if (command[0] === 'nginx') {
      await nginx.stop();
      await importNginx(lab, engine, nginx.dir);
    }
    await engine.tryDocker('rm', '-f', 'edge');
    await engine.run({
      ...{ name: 'edge', image: NGINX_IMAGE, network: 'host', command },
      args: ['-v', `${nginx.dir}:${nginx.dir}`],
    });
    await engine.tryDocker('rm', '-f', 'other');
    const first = await portcullis(inContainer, 'generate');
    assert.equal(first.code, 0, first.stderr + (await engine.docker('logs', 'edge')));
    await web('other', 1237);
    const second = await portcullis(inContainer, 'generate');
    assert.equal(second.code, 0, second.stderr);
  });
}

test('and each call in the list was made: none is a right without need', () => {
  assert.deepEqual(
    ENGINE_CALLS.filter((call) => !docker.used.has(call)).map(({ path }) => path),
    [],
  );
});
