/** The Docker adapter against a real engine. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openDocker, type DockerSource } from '../../src/adapters/docker.ts';
import { run } from '../../src/adapters/run.ts';
import type { DockerEvent } from '../../src/core/docker/event.ts';
import { HEALTH_ARGS, IMAGE, type Engine } from '../lab/engine.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

const never = new AbortController().signal;
let lab: Lab;
let engine: Engine;
let docker: DockerSource;

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine();
  docker = await openDocker({ url: engine.url, env: {} });
});
after(() => lab.close());

const remove = (...names: readonly string[]): Promise<string> =>
  engine.docker('rm', '-f', ...names);

/** Collects events until `stop`; each test takes those of its own container. */
async function collect(source: DockerSource = docker) {
  const abort = new AbortController();
  const events: DockerEvent[] = [];
  const stream = source.events({ signal: abort.signal });
  await stream.ready;
  const done = (async () => {
    for await (const event of stream) events.push(event);
  })();
  return {
    events,
    stop: async () => {
      abort.abort();
      await done;
    },
    saw: (kind: DockerEvent['kind'], action: string) =>
      waitUntil(`${kind} ${action}`, () =>
        events.find((event) => event.kind === kind && event.action === action),
      ),
  };
}

test('compat: lists tell the variables that are read, and no other', async () => {
  const env = ['-e', 'VIRTUAL_HOST=old.example', '-e', 'PASSWORD=secret'];
  await engine.docker('run', '-d', '--name', 'old', ...env, IMAGE, '/bin/sleep', '600');
  const compat = await openDocker({ url: engine.url, env: {}, compat: ['nginx-proxy'] });
  const { containers } = await compat.snapshot(never);
  const [old] = containers.filter(({ name }) => name === 'old');
  assert.deepEqual(old?.environment, { VIRTUAL_HOST: 'old.example' });
  assert.equal(
    (await docker.containers(never)).find(({ name }) => name === 'old')?.environment,
    undefined,
  );
  await remove('old');
});

test('snapshot(): no containers, and Docker’s own networks', async () => {
  const { containers, networks } = await docker.snapshot(never);
  assert.deepEqual(containers, []);
  assert.deepEqual(
    networks.map(({ name, driver }) => `${name} ${driver}`),
    ['bridge bridge', 'host host', 'none null'],
  );
  assert.equal(networks[0]?.bridge, 'docker0');
});

test('containers(): the list and the inspect answer tell the same of a running container', async () => {
  await engine.docker('network', 'create', 'app');
  await engine.run({
    name: 'web',
    ports: ['127.0.0.1:1234:80', '8053:53/udp', '127.0.0.1::81'],
    labels: { 'portcullis.port': '80', tricky: '${x} "quoted" größe\n' },
    network: 'app',
  });
  const [listed] = await docker.containers(never);
  const inspected = await docker.inspect('web', never);
  assert.ok(listed && inspected);
  assert.deepEqual({ ...inspected, portBindings: [] }, listed);
  assert.equal(inspected.labels['tricky'], '${x} "quoted" größe\n');
  const bindings = inspected.portBindings.map(
    ({ hostAddress, hostPort, containerPort, protocol }) =>
      `${hostAddress} ${hostPort} ${containerPort}/${protocol}`,
  );
  assert.deepEqual(bindings, [
    '0.0.0.0 8053 53/udp',
    ':: 8053 53/udp',
    '127.0.0.1 1234 80/tcp',
    '127.0.0.1 0 81/tcp',
  ]);
  const app = (await docker.networks(never)).find(({ name }) => name === 'app');
  const links = await lab.host.ok(['ip', '-o', 'link']);
  assert.ok(app?.bridge && links.includes(` ${app.bridge}: `), `${app?.bridge} in\n${links}`);
  assert.equal(listed.endpoints[0]?.networkId, app.id);
  await remove('web');
  await engine.docker('network', 'rm', 'app');
});

test('containers(): what does not run only when asked for', async () => {
  await engine.docker(
    'create',
    '--name',
    'waiting',
    '-p',
    '127.0.0.1:1235:80',
    IMAGE,
    'sleep',
    '9',
  );
  assert.deepEqual(await docker.containers(never), []);
  const [waiting] = await docker.containers(never, { all: true });
  assert.equal(waiting?.state, 'created');
  assert.deepEqual(waiting?.published, []);
  const inspected = await docker.inspect(waiting?.id ?? '', never);
  assert.equal(inspected?.portBindings[0]?.hostPort, 1235);
  await remove('waiting');
});

test('containers(): health, from starting to healthy to unhealthy, with its events', async () => {
  const seen = await collect();
  await engine.run({ name: 'checked', args: HEALTH_ARGS });
  const health = (wanted: string): Promise<unknown> =>
    waitUntil(`checked is ${wanted}`, async () => {
      const [listed] = await docker.containers(never);
      const inspected = await docker.inspect('checked', never);
      return listed?.health === wanted && inspected?.health === wanted;
    });
  await health('healthy');
  await engine.docker('exec', 'checked', 'rm', '/healthy');
  await health('unhealthy');
  await seen.stop();
  await remove('checked');
  assert.deepEqual(
    seen.events.filter(({ action }) => action === 'health_status').map((event) => event.health),
    ['healthy', 'unhealthy'],
  );
});

/** What Compose passes on unread, and Docker 20.10 too; newer engines refuse some of it. */
const ODD: readonly [name: string, more: object][] = [
  ['range', { ExposedPorts: { '3000-3005': {} } }],
  ['capitals', { ExposedPorts: { '80/TCP': {} } }],
  ['protocol', { ExposedPorts: { '80/foo': {} } }],
  ['word', { ExposedPorts: { 'foo/tcp': {} } }],
  ['empty', { ExposedPorts: { '/tcp': {} } }],
  ['address', asking({ HostIp: 'evil', HostPort: '9001' })],
  ['zone', asking({ HostIp: 'fe80::1%lo', HostPort: '9001' })],
  ['both', asking({ HostIp: '', HostPort: '9002/tcp' })],
];

function asking(binding: object): object {
  return { HostConfig: { PortBindings: { '80/tcp': [binding] } } };
}

for (const [name, more] of ODD) {
  test(`a container with ports that are none (${name}) keeps nobody from being read`, async () => {
    const body = JSON.stringify({ Image: IMAGE, Cmd: ['/bin/sleep', '600'], ...more });
    const socket = ['--unix-socket', engine.url.replace('unix://', '')];
    const post = ['-sS', '-H', 'Content-Type: application/json', '-d', body, '-w', '%{http_code}'];
    const { stdout } = await run('curl', [
      ...socket,
      ...post,
      `http://docker/containers/create?name=${name}`,
    ]);
    if (!stdout.endsWith('201')) return;
    for (const start of [false, true]) {
      if (start) await engine.docker('start', name).catch(() => {}); // refused by some
      assert.equal((await docker.inspect(name, never))?.name, name);
      const all = await docker.containers(never, { all: true });
      assert.ok(all.some((each) => each.name === name));
    }
    await remove(name);
  });
}

test('inspect(): undefined for a container that is not there', async () => {
  assert.equal(await docker.inspect('nobody', never), undefined);
});

test('inspect(): tells the truth on `die`, when the list may not', async () => {
  await engine.run({ name: 'short', command: ['/bin/sleep', '60'] });
  const seen = await collect();
  const state = seen.saw('container', 'die').then(() => docker.inspect('short', never));
  await engine.docker('kill', 'short');
  assert.equal((await state)?.state, 'exited');
  await seen.stop();
  await remove('short');
});

test('version() and info(): the engine', async () => {
  const version = await docker.version(never);
  assert.match(version.version, /^\d+\.\d+/);
  assert.match(version.api, /^1\.\d+$/);
  const info = await docker.info(never);
  assert.equal(info.version, version.version);
  assert.equal(info.swarm, false);
  assert.equal(info.rootless, false);
});

const isEnd = (line: string): boolean => /^(container die|network disconnect)$/.test(line);

test('events(): the life of a container and a network, in order, and nothing of exec', async () => {
  const seen = await collect();
  await engine.docker('network', 'create', 'side');
  await engine.run({ name: 'life', labels: { 'portcullis.port': '80' } });
  await engine.docker('exec', 'life', 'echo', 'x');
  await engine.docker('network', 'connect', 'side', 'life');
  await engine.docker('rename', 'life', 'later');
  await engine.docker('pause', 'later');
  await engine.docker('unpause', 'later');
  await engine.docker('update', '--memory', '64m', '--memory-swap', '64m', 'later');
  await remove('later');
  await engine.docker('network', 'rm', 'side');
  await seen.saw('network', 'destroy');
  await seen.stop();
  // Docker 28 leaves the networks before it says `die`, 20.10 after it.
  const lines = seen.events.map(({ kind, action }) => `${kind} ${action}`);
  assert.deepEqual(lines.filter(isEnd).toSorted(), [
    'container die',
    'network disconnect',
    'network disconnect',
  ]);
  assert.deepEqual(
    lines.filter((line) => !isEnd(line)),
    [
      'network create',
      'container create',
      'network connect',
      'container start',
      'network connect',
      'container rename',
      'container pause',
      'container unpause',
      'container update',
      'container kill',
      'container destroy',
      'network destroy',
    ],
  );
  const start = seen.events.find(({ action }) => action === 'start');
  assert.equal(start?.name, 'life');
  assert.equal(start?.attributes['portcullis.port'], '80');
  const connect = seen.events.find(({ action, name }) => action === 'connect' && name === 'side');
  assert.equal(connect?.attributes['container'], start?.id);
});

test('events(): since brings back what was missed', async () => {
  const first = await collect();
  await engine.docker('network', 'create', 'one');
  const { timeNano } = await first.saw('network', 'create');
  await first.stop();
  await engine.docker('network', 'create', 'two');
  const abort = new AbortController();
  const names: string[] = [];
  for await (const { name } of docker.events({
    sinceNano: timeNano - 1_000,
    signal: abort.signal,
  })) {
    names.push(name);
    if (names.length === 2) break;
  }
  assert.deepEqual(names, ['one', 'two']);
  await engine.docker('network', 'rm', 'one', 'two');
});

test('events(): subscribing and aborting leaves no connection open', async () => {
  const sockets = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
  const beforehand = sockets();
  for (let round = 0; round < 20; round += 1) await (await collect()).stop();
  await waitUntil('the sockets are closed', () => sockets() <= beforehand);
});

test('events(): an engine that is killed ends the stream with an error, and answers again later', async () => {
  await engine.run({ name: 'survivor' });
  const stream = docker.events({ signal: never });
  await stream.ready;
  const ended = (async () => {
    for await (const event of stream) assert.notEqual(event.kind, 'daemon');
  })();
  const failed = assert.rejects(ended, { code: 'docker-unreachable' });
  await engine.stop('SIGKILL');
  await failed;
  await assert.rejects(docker.containers(never), { code: 'docker-unreachable' });
  await engine.start();
  assert.equal((await docker.containers(never, { all: true })).length, 1);
  await remove('survivor');
});

test('control: exec gives both outputs and the exit code', async () => {
  await engine.run({ name: 'tool' });
  const script = 'echo out; echo err >&2; exit 3';
  assert.deepEqual(await docker.control.exec('tool', ['sh', '-c', script], never), {
    code: 3,
    stdout: 'out\n',
    stderr: 'err\n',
    timedOut: false,
  });
  const long = await docker.control.exec('tool', ['cat', '/bin/busybox'], never);
  assert.equal(long.code, 0);
  assert.ok(long.stdout.length > 100_000);
  const missing = await docker.control.exec('tool', ['nothing-of-this-name'], never);
  assert.ok(missing.code === 126 || missing.code === 127);
  await remove('tool');
});

test('control: kill sends the signal, archive brings a file', async () => {
  const script = 'trap "echo hup > /tmp/got" HUP; touch /tmp/ready; while :; do sleep 1; done';
  await engine.run({ name: 'signalled', command: ['/bin/sh', '-c', script] });
  const exists = async (path: string): Promise<boolean> =>
    (await docker.control.exec('signalled', ['test', '-e', path], never)).code === 0;
  await waitUntil('the trap is set', () => exists('/tmp/ready'));
  await docker.control.kill('signalled', 'HUP', never);
  await waitUntil('the signal came', () => exists('/tmp/got'));
  const tar = await docker.control.archive('signalled', '/tmp/got', never);
  assert.equal(tar.subarray(0, 3).toString(), 'got');
  assert.ok(tar.includes('hup\n'));
  await remove('signalled');
});

test('control: Docker’s words when there is no such container, or it does not run', async () => {
  await assert.rejects(docker.control.kill('nobody', 'HUP', never), {
    code: 'docker-refused',
    message: /No such container: nobody \(HTTP 404\)/,
  });
  await engine.docker('create', '--name', 'still', IMAGE, 'sleep', '9');
  await assert.rejects(docker.control.exec('still', ['true'], never), {
    code: 'docker-refused',
    message: /is not running/,
  });
  await remove('still');
});

test('containers(): permission denied is told with advice', async () => {
  const script = `
    const { openDocker } = await import(${JSON.stringify(new URL('../../src/adapters/docker.js', import.meta.url).href)});
    const docker = await openDocker({ url: ${JSON.stringify(engine.url)}, env: {} });
    process.setgroups([]);
    process.setgid(65534);
    process.setuid(65534);
    await docker.containers(new AbortController().signal).catch((error) => console.log(error.message));
  `;
  const printed = await lab.host.ok([process.execPath, '--input-type=module', '-e', script]);
  assert.equal(
    printed.trim(),
    `cannot reach Docker at ${engine.url}: permission denied; run as root or add the user to the group docker`,
  );
});
