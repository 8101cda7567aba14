/** Containers of a real engine, served by a real Nginx under their names. */
import assert from 'node:assert/strict';
import { chmod, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunResult } from '../../src/adapters/run.ts';
import { HEALTH_ARGS, type Engine } from '../lab/engine.ts';
import { startFaultyDocker } from '../lab/faulty-docker.ts';
import { bytesBelow, put } from '../lab/files.ts';
import { get, type Answer } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab, type Watching } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let settingsFile = '';
let watching: Watching | undefined;

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({ args: ['--live-restore'] });
  nginx = await lab.startNginx();
  settingsFile = await put(join(lab.folder, 'portcullis.yaml'), settingsText());
  const { code, stderr } = await portcullis('init', '--yes');
  assert.equal(code, 0, stderr);
});
after(() => lab.close());

/** Every test starts without containers and without a watch. */
afterEach(async () => {
  await watching?.stop();
  watching = undefined;
  if ((await engine.tryDocker('version')).code !== 0) await engine.start();
  const ids = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (ids.length > 0) await engine.docker('rm', '-f', ...ids);
  await portcullis('generate');
});

const settingsText = (more = ''): string => `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { mode: "off" }
watch: { linger: 2s, resync: 2s }
${more}`;

const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', settingsFile, '--docker', engine.url, ...args]);

async function startWatch(docker = engine.url, ...args: readonly string[]): Promise<Watching> {
  watching = lab.startPortcullis([
    '--config',
    settingsFile,
    '--docker',
    docker,
    '--log-level',
    'debug',
    'watch',
    ...args,
  ]);
  await watching.saw(/ reconciled /);
  return watching;
}

const ask = (host: string, path = '/cgi-bin/echo'): Promise<Answer> =>
  get(lab.outside, `http://${HOST_V4}${path}`, { host });
const nameServed = async (host: string): Promise<string | undefined> =>
  /^HOSTNAME=(.*)$/m.exec((await ask(host)).body)?.[1];
const until = (what: string, host: string, expected: string | undefined): Promise<true> =>
  waitUntil(what, async () => (await nameServed(host)) === expected || undefined);

const labels = (more: Record<string, string> = {}): Record<string, string> => ({
  'portcullis.enable': 'true',
  ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`portcullis.${key}`, value])),
});
const process1234 = { name: 'process_1234', ports: ['127.0.0.1:1234:80'], labels: labels() };
const NAME = 'service-1234.example.com';

test('generate: a container answers under its name; an unknown host gets nothing', async () => {
  await engine.run(process1234);
  const { code, stdout, stderr } = await portcullis('generate');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    /^created service-1234\.example\.com\ngeneration [0-9a-f]{16} is live: 1 site, Nginx reloaded\n$/,
  );
  const answer = await ask(NAME, '/cgi-bin/echo?x=1');
  assert.equal(answer.status, 200);
  for (const line of [
    'HOSTNAME=process_1234',
    `HTTP_HOST=${NAME}`,
    'HTTP_X_FORWARDED_PROTO=http',
    'HTTP_X_FORWARDED_PORT=80',
    'HTTP_X_REAL_IP=198.51.100.10',
    'HTTP_X_FORWARDED_FOR=198.51.100.10',
    `HTTP_X_FORWARDED_HOST=${NAME}`,
  ]) {
    assert.ok(answer.body.split('\n').includes(line), `${line} in\n${answer.body}`);
  }
  assert.equal((await ask('nobody.example.com')).status, 0);
  assert.equal((await get(lab.outside, `http://${HOST_V4}/`)).status, 0);
  assert.equal(
    (await ask('generation.portcullis.invalid')).status,
    0,
    'nobody outside learns the generation',
  );
});

test('generate: the headers a client forges do not reach the container', async () => {
  await engine.run(process1234);
  await portcullis('generate');
  const { body } = await get(lab.outside, `http://${HOST_V4}/cgi-bin/echo`, {
    host: NAME,
    headers: ['Proxy: http://evil.example', 'X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1'],
  });
  assert.doesNotMatch(body, /HTTP_PROXY|=127\.0\.0\.1$/m);
});

test('generate: nothing changed, no reload; --check tells a difference and changes nothing', async () => {
  await engine.run(process1234);
  const check = await portcullis('generate', '--check');
  assert.equal(check.code, 3);
  assert.match(
    check.stdout,
    /^(?:create|replace) portcullis\.conf\ncreate sites\/service-1234\.example\.com\.conf$/m,
  );
  assert.equal((await ask(NAME)).status, 0);
  await portcullis('generate');
  const reloads = await nginx.reloads();
  const bytes = await bytesBelow(nginx.dir);
  const { code, stdout } = await portcullis('generate');
  assert.deepEqual([code, stdout], [0, 'nothing changed: 1 site\n']);
  assert.equal((await portcullis('generate', '--check')).code, 0);
  assert.equal(await nginx.reloads(), reloads);
  assert.deepEqual(await bytesBelow(nginx.dir), bytes);
});

test('generate: a site file changed by hand is put back', async () => {
  await engine.run(process1234);
  await portcullis('generate');
  const [site = ''] = Object.keys(await bytesBelow(nginx.dir)).filter((name) =>
    name.startsWith('sites/'),
  );
  await writeFile(
    join(nginx.dir, site),
    'server { listen 80; server_name service-1234.example.com; return 418; }',
  );
  const diff = (await portcullis('generate', '--diff')).stdout;
  assert.match(diff, /-server \{ listen 80/);
  assert.doesNotMatch(diff, /portcullis\.conf/, 'the index is as it was');
  assert.equal((await portcullis('generate')).code, 0);
  assert.equal((await ask(NAME)).status, 200);
});

test('generate: a bad label takes its container out, nobody else, and is named', async () => {
  await engine.run(process1234);
  await portcullis('generate');
  const alone = await bytesBelow(nginx.dir);
  await engine.run({
    name: 'broken',
    ports: ['127.0.0.1:5678:80'],
    labels: labels({ host: 'a.example;} server {' }),
  });
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 4);
  assert.equal(
    stderr,
    'rejected: container broken: label portcullis.host must be a host name, as app.example.com or *.example.com, got "a.example;} server {"\n',
  );
  assert.deepEqual(await bytesBelow(nginx.dir), alone);
});

test('generate: two projects claim one host: the first keeps it, the second is named', async () => {
  await engine.run({
    name: 'first',
    ports: ['127.0.0.1:1001:80'],
    labels: labels({ host: 'shop.example' }),
  });
  await portcullis('generate');
  await engine.run({
    name: 'second',
    ports: ['127.0.0.1:1002:80'],
    labels: labels({ host: 'shop.example' }),
  });
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 4);
  assert.match(
    stderr,
    /^rejected: container second: asks for shop\.example\/, which container first already serves/,
  );
  assert.equal(await nameServed('shop.example'), 'first');
});

test('generate: a server block written by hand wins; both places are named', async () => {
  const path = await put(
    join(nginx.confDir, 'conf.d', 'mine.conf'),
    '# mine\nserver {\n  listen 80;\n  server_name Mine.example;\n  return 200 mine;\n}\n',
  );
  try {
    await engine.run({
      name: 'thief',
      ports: ['127.0.0.1:1001:80'],
      labels: labels({ host: 'mine.example' }),
    });
    const { code, stderr } = await portcullis('generate');
    assert.equal(code, 4);
    assert.ok(
      stderr.includes(
        `container thief: asks for mine.example, which the server block at ${path}:4 already serves`,
      ),
      stderr,
    );
  } finally {
    await rm(path);
  }
});

test('generate: paths, strip-prefix, redirect-from and access lists', async () => {
  await engine.run({
    name: 'root',
    ports: ['127.0.0.1:1001:80'],
    labels: labels({ host: 'a.example', 'redirect-from': 'www.a.example' }),
  });
  await engine.run({
    name: 'api',
    ports: ['127.0.0.1:1002:80'],
    labels: labels({ host: 'a.example', path: '/api', 'strip-prefix': 'true' }),
  });
  await engine.run({
    name: 'inner',
    ports: ['127.0.0.1:1003:80'],
    labels: labels({ host: 'inner.example', allow: '192.0.2.0/24' }),
  });
  assert.equal((await portcullis('generate')).code, 0);
  assert.match((await ask('a.example', '/cgi-bin/echo')).body, /HOSTNAME=root/);
  assert.match(
    (await ask('a.example', '/api/cgi-bin/echo?q=1')).body,
    /HOSTNAME=api[\s\S]*QUERY_STRING=q=1/,
  );
  assert.equal(
    (await ask('a.example', '/apis')).status,
    404,
    'served by root, which has no such file',
  );
  assert.match(
    (await ask('www.a.example', '/x?y=1')).headers,
    /301[\s\S]*Location: http:\/\/a\.example\/x\?y=1/,
  );
  assert.equal((await ask('inner.example')).status, 403);
});

test('generate: WebSocket upgrade passes with no label', async () => {
  await engine.run({
    ...process1234,
    command: [
      '/bin/sh',
      '-c',
      'while :; do { cat >/dev/null & printf "HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\nframe"; } | nc -l -p 80 -w 1; done',
    ],
  });
  await portcullis('generate');
  const answer = await get(lab.outside, `http://${HOST_V4}/`, {
    host: NAME,
    headers: ['Connection: Upgrade', 'Upgrade: websocket'],
    args: ['--max-time', '2'],
  });
  assert.equal(answer.status, 101);
  assert.match(answer.body, /^frame/);
});

test('undo: the previous generation is live again', async () => {
  await engine.run(process1234);
  await portcullis('generate');
  await engine.run({ name: 'bb', ports: ['127.0.0.1:1002:80'], labels: labels() });
  await portcullis('generate');
  assert.equal(await nameServed('service-1002.example.com'), 'bb');
  const { code, stdout } = await portcullis('undo');
  assert.equal(code, 0);
  assert.match(stdout, /^generation [0-9a-f]{16} is live again/);
  assert.equal((await ask('service-1002.example.com')).status, 0);
  assert.equal(await nameServed(NAME), 'process_1234');
});

/** Every failure: one clear message, exit code 1, and what was live stays live. */
const FAILURES: readonly [
  title: string,
  breakIt: () => Promise<() => Promise<void>>,
  message: () => RegExp,
][] = [
  [
    'Nginx does not run',
    async () => {
      await nginx.stop();
      return () => nginx.start();
    },
    () =>
      /^portcullis: Nginx is not running \(no master process by \S+nginx\.pid\): start it, as "systemctl start nginx", or use --no-reload; what was live stays live\n$/,
  ],
  [
    'the user’s configuration does not parse',
    async () => {
      const path = await put(join(nginx.confDir, 'conf.d', 'bad.conf'), 'servr { }\n');
      return () => rm(path);
    },
    () =>
      new RegExp(
        `^portcullis: Nginx refuses the configuration: unknown directive "servr" \\(${nginx.confDir}/conf\\.d/bad\\.conf:1\\); what was live stays live\n`,
      ),
  ],
  [
    'the main configuration is gone',
    async () => {
      const text = await readFile(nginx.config, 'utf8');
      await rm(nginx.config);
      return () => writeFile(nginx.config, text);
    },
    () => new RegExp(`^portcullis: ${nginx.config}: there is no such file; install Nginx`),
  ],
  [
    'Docker is away',
    async () => {
      await engine.stop();
      return () => engine.start();
    },
    () => /^portcullis: cannot reach Docker at unix:.*is Docker running\?/,
  ],
  [
    'the folder is immutable',
    async () => {
      await lab.host.ok(['mount', '--bind', nginx.dir, nginx.dir]);
      await lab.host.ok(['mount', '-o', 'remount,bind,ro', nginx.dir]);
      return async () => void (await lab.host.ok(['umount', nginx.dir]));
    },
    () =>
      new RegExp(
        `^portcullis: cannot write ${nginx.dir}\\S* \\(EROFS\\): the file system is read-only: mount it for writing; what was live stays live\n$`,
      ),
  ],
];

for (const [title, breakIt, message] of FAILURES) {
  test(`generate: ${title}: one clear message, exit code 1, nothing touched`, async () => {
    await engine.run(process1234);
    await portcullis('generate');
    await engine.run({ name: 'bb', ports: ['127.0.0.1:1002:80'], labels: labels() });
    const live = await readFile(join(nginx.dir, 'portcullis.conf'), 'utf8');
    const mend = await breakIt();
    try {
      const { code, stderr, stdout } = await portcullis('generate');
      assert.match(stderr, message());
      assert.deepEqual([code, stdout], [1, '']);
      assert.equal(await readFile(join(nginx.dir, 'portcullis.conf'), 'utf8'), live);
    } finally {
      await mend();
    }
    await engine.docker('start', 'process_1234', 'bb');
    const { code, stderr } = await portcullis('generate');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(await nameServed('service-1002.example.com'), 'bb');
  });
}

test('generate --no-reload: Nginx need not run, and serves it when it starts', async () => {
  await engine.run(process1234);
  await nginx.stop();
  try {
    assert.equal((await portcullis('generate', '--no-reload')).code, 0);
  } finally {
    await nginx.start();
  }
  assert.equal(await nameServed(NAME), 'process_1234');
});

test('watch: start is served, stop lingers, then the host gets nothing', async () => {
  await startWatch();
  await engine.run(process1234);
  await until('it is served', NAME, 'process_1234');
  await engine.docker('rm', '-f', 'process_1234');
  const lingering = await ask(NAME);
  assert.equal(lingering.status, 503, 'lingers');
  assert.match(lingering.headers, /^retry-after: 5\r?$/im);
  await waitUntil('it is gone', async () => (await ask(NAME)).status === 0 || undefined);
});

test('watch: restart, and recreation on the same port: the same bytes, no reload', async () => {
  const watch = await startWatch();
  await engine.run(process1234);
  await until('it is served', NAME, 'process_1234');
  await watch.saw(/reconciled .*reloaded=true/);
  const sitesOnly = async (): Promise<unknown> =>
    Object.entries(await bytesBelow(nginx.dir)).filter(
      ([name]) => !name.endsWith('.json') && !name.startsWith('test/'),
    );
  const [bytes, reloads] = [await sitesOnly(), await nginx.reloads()];
  await engine.docker('restart', '-t', '0', 'process_1234');
  await until('it is back', NAME, 'process_1234');
  await engine.docker('rm', '-f', 'process_1234');
  await engine.run({ ...process1234, name: 'process_1234_new' });
  await until('the new one is there', NAME, 'process_1234_new');
  await delay(2_500); // longer than linger: the old one must not take the route along
  assert.equal(await nameServed(NAME), 'process_1234_new');
  assert.equal(await nginx.reloads(), reloads);
  assert.deepEqual(await sitesOnly(), bytes);
});

test('watch: 50 starts in a burst: no more reloads than one per min_reload_interval', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `burst-${index}`);
  for (const [index, name] of names.entries()) {
    await engine.docker(
      'create',
      '--name',
      name,
      '--hostname',
      name,
      '-p',
      `127.0.0.1:${2000 + index}:80`,
      '--label',
      'portcullis.enable=true',
      'lab/web:1',
      '/bin/httpd',
      '-f',
      '-p',
      '80',
      '-h',
      '/www',
    );
  }
  await startWatch();
  const reloads = await nginx.reloads();
  const startedAt = performance.now();
  await engine.docker('start', ...names);
  await until('the last is served', 'service-2049.example.com', 'burst-49');
  const most = Math.ceil((performance.now() - startedAt) / 250) + 1;
  const made = (await nginx.reloads()) - reloads;
  assert.ok(made >= 1 && made <= most, `${made} reloads, at most ${most}`);
  for (const [index, name] of names.entries())
    assert.equal(await nameServed(`service-${2000 + index}.example.com`), name);
});

test('watch: the engine away for a minute: every route stays, then it catches up', async () => {
  await engine.run(process1234);
  const watch = await startWatch();
  await engine.stop();
  await watch.saw(/docker-lost .*routes=kept/);
  const end = performance.now() + 60_000;
  while (performance.now() < end) {
    // The engine took its userland proxy along, so Nginx answers 503: the route is there.
    assert.notEqual((await ask(NAME)).status, 0);
    await delay(2_000);
  }
  await engine.start();
  await watch.saw(/docker-reconnected/, 30_000);
  await engine.run({ name: 'bb', ports: ['127.0.0.1:1002:80'], labels: labels() });
  await until('the new one is served', 'service-1002.example.com', 'bb');
  assert.equal(await nameServed(NAME), 'process_1234');
});

test('watch: a list call that fails, is cut off or is no list is not taken for "no containers"', async () => {
  await engine.run(process1234);
  await portcullis('generate');
  const faulty = await startFaultyDocker(lab.folder, engine.socket);
  try {
    for (const fault of ['error', 'cut', 'garbage', 'empty-body'] as const) {
      faulty.spoilt = { path: /\/containers\/json/, fault };
      const { code, stderr } = await lab.portcullis([
        '--config',
        settingsFile,
        '--docker',
        faulty.url,
        'generate',
      ]);
      assert.equal(code, 1, `${fault}: ${stderr}`);
      assert.match(stderr, /^portcullis: (Docker|cannot reach Docker)/);
      assert.equal(await nameServed(NAME), 'process_1234');
    }
    faulty.spoilt = undefined;
    const watch = await startWatch(faulty.url);
    faulty.spoilt = { path: /\/containers\/json/, fault: 'error' };
    await watch.saw(/docker-lost .*HTTP 500/);
    assert.equal(await nameServed(NAME), 'process_1234');
    faulty.spoilt = undefined;
    await watch.saw(/docker-reconnected/);
    assert.equal(await nameServed(NAME), 'process_1234');
  } finally {
    await faulty.close();
  }
});

test('status: what watch is doing, for people, programs and a health check', async () => {
  const none = await portcullis('status');
  assert.equal(none.code, 1);
  assert.match(
    none.stderr,
    /no watch answers at 127\.0\.0\.1:9180 .*start it with "portcullis watch"/,
  );
  await engine.run(process1234);
  await startWatch();
  const { code, stdout } = await portcullis('status', '--json');
  const status = JSON.parse(stdout);
  assert.equal(code, 0, stdout);
  assert.equal(status.docker.connected, true);
  assert.match(status.docker.version, /^\d+\./);
  assert.match(status.nginx.version, /^1\./);
  assert.match(status.nginx.generation, /^[0-9a-f]{16}$/);
  assert.deepEqual(status.routes, { live: 1, rejected: 0, quarantined: 0 });
  const { reloads } = status.events;
  await engine.run({ ...process1234, name: 'second', ports: ['127.0.0.1:1235:80'] });
  await until('the second is served', 'service-1235.example.com', 'second');
  const later = JSON.parse((await portcullis('status', '--json')).stdout);
  assert.equal(later.routes.live, 2);
  assert.equal(later.events.reloads, reloads + 1);
  assert.ok(later.events.seen >= 2);
  assert.match((await portcullis('status')).stdout, /^watch is well\n/);
  const curl = (path: string, ...more: readonly string[]): Promise<RunResult> =>
    lab.host.run(['curl', '-s', '-w', '%{http_code}', ...more, `http://127.0.0.1:9180${path}`]);
  assert.equal((await curl('/healthz')).stdout, 'ok\n200');
  assert.match((await curl('/metrics')).stdout, /^portcullis_routes_live 2$/m);
  assert.match((await curl('/status', '-H', 'Host: evil.example')).stdout, /403$/);
  assert.match((await curl('/status', '-X', 'POST')).stdout, /405$/);
  await put(settingsFile, settingsText('status: { host: status.example }\n'));
  await waitUntil('Nginx serves it to the host itself', async () => {
    const name = ['-H', 'Host: status.example', 'http://127.0.0.1/healthz'];
    return (await lab.host.run(['curl', '-s', ...name])).stdout === 'ok\n' || undefined;
  });
  assert.equal((await ask('status.example', '/healthz')).status, 403, 'nobody outside');
  await put(settingsFile, settingsText());
  await engine.stop();
  await waitUntil(
    'it says that Docker is away',
    async () => (await curl('/healthz')).stdout.endsWith('503') || undefined,
  );
  assert.equal((await portcullis('status')).code, 1);
});

test('watch: replicas balance; an unhealthy replica gets no traffic until it is healthy', async () => {
  await startWatch();
  for (const [index, name] of ['r1', 'r2'].entries()) {
    await engine.run({
      name,
      ports: [`127.0.0.1:${1001 + index}:80`],
      labels: labels({ host: 'r.example', group: 'r' }),
      args: HEALTH_ARGS,
    });
  }
  const served = async (): Promise<string> => {
    const names = new Set<string | undefined>();
    for (let index = 0; index < 8; index++) names.add(await nameServed('r.example'));
    return [...names].toSorted((a = '', b = '') => a.localeCompare(b)).join(' ');
  };
  await waitUntil('both are served', async () => (await served()) === 'r1 r2' || undefined);
  await engine.docker('exec', 'r2', 'rm', '/healthy');
  await waitUntil(
    'only the healthy one is served',
    async () => (await served()) === 'r1' || undefined,
  );
  await engine.docker('exec', 'r1', 'rm', '/healthy');
  await waitUntil(
    'none is healthy: 503',
    async () => (await ask('r.example')).status === 503 || undefined,
  );
  await engine.docker('exec', 'r2', 'touch', '/healthy');
  await waitUntil(
    'the recovered one is served',
    async () => (await served()) === 'r2' || undefined,
  );
});

test('watch: SIGTERM ends it, exit code 0, routes stay', async () => {
  await engine.run(process1234);
  const watch = await startWatch();
  assert.equal(await watch.stop('SIGTERM'), 0, watch.output());
  assert.equal(await nameServed(NAME), 'process_1234');
});

test('watch: a second one says so and leaves; so does generate', async () => {
  await startWatch();
  const { code, stderr } = await portcullis('generate');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^portcullis: another Portcullis is at work on \S+: a running "portcullis watch"/,
  );
});

test('watch: an edit of the settings takes effect; a broken one is told and changes nothing', async () => {
  await engine.run(process1234);
  const watch = await startWatch();
  await until('it is served', NAME, 'process_1234');
  await writeFile(settingsFile, settingsText('domain: other.example\n'));
  await until('under the new name', 'service-1234.other.example', 'process_1234');
  await writeFile(settingsFile, settingsText('domian: typo.example\n'));
  await watch.saw(/settings-refused .*domian.*the nearest is \\?"domain/);
  assert.equal(await nameServed('service-1234.other.example'), 'process_1234');
  await writeFile(settingsFile, settingsText());
  await until('and back', NAME, 'process_1234');
});

test('watch: Nginx stopped: told once, and published as soon as it is back', async () => {
  const watch = await startWatch();
  await nginx.stop();
  await engine.run(process1234);
  await watch.saw(/pass-failed code=nginx-not-running/);
  await nginx.start();
  await until('it is served', NAME, 'process_1234');
  assert.equal(
    watch
      .output()
      .split('\n')
      .filter((line) => / error .*pass-failed/.test(line)).length,
    1,
  );
});

test('watch: a rename and a label-less container change nothing', async () => {
  await engine.run(process1234);
  await startWatch();
  const reloads = await nginx.reloads();
  await engine.docker('rename', 'process_1234', 'renamed');
  await engine.run({ name: 'other', ports: ['127.0.0.1:1005:80'] });
  await delay(500);
  assert.equal(await nginx.reloads(), reloads);
});

test('init --undo gives back the folder as it was', async () => {
  await portcullis('init', '--undo', '--yes');
  assert.deepEqual(Object.keys(await bytesBelow(join(nginx.confDir, 'conf.d'))), []);
  await engine.run({
    name: 'newcomer',
    ports: ['127.0.0.1:1999:80'],
    labels: { 'portcullis.enable': 'true' },
  });
  const { code, stderr } = await portcullis('generate', '--no-reload');
  assert.equal(code, 1);
  assert.match(stderr, /run "portcullis init" once/);
  await symlink(
    join(nginx.dir, 'portcullis.conf'),
    join(nginx.confDir, 'conf.d', 'portcullis.conf'),
  );
  await chmod(nginx.dir, 0o755);
});
