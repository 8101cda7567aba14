/** An Nginx that is away, hangs, dies or is changed behind our back, under one `watch`. */
import assert from 'node:assert/strict';
import { chmod, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab, type Watching } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { isAlive, type Started } from '../lab/processes.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let watch: Watching;
let settingsFile = '';
let hangs = '';

before(async () => {
  lab = await openLab();
  [engine, nginx] = await Promise.all([lab.startEngine(), lab.startNginx({ workers: 1 })]);
  hangs = join(lab.folder, 'hangs');
  // An Nginx whose -t hangs, in a child of its own, as long as the file is there.
  const wrapper = await put(
    join(lab.folder, 'nginx-wrapper'),
    `#!/bin/sh
if [ -e ${hangs} ] && [ "$1" = -t ]; then sleep 600 & echo $! > ${hangs}; wait; fi
exec nginx "$@"
`,
  );
  await chmod(wrapper, 0o755);
  settingsFile = await put(join(lab.folder, 'portcullis.yaml'), settingsText('restore'));
  const { code, stderr } = await portcullis('init', '--yes');
  assert.equal(code, 0, stderr);
  await run('steady', '127.0.0.1:1300:80');
  watch = lab.startPortcullis([...common(), 'watch']);
  await served('steady');
  await statusSays('all is well', ({ routes }) => routes.live === 1);
});
after(async () => {
  await watch?.stop();
  await lab.close();
});

/** Every test starts with one container, and all well. */
afterEach(async () => {
  await rm(hangs, { force: true });
  const names = (await engine.docker('ps', '-a', '--format', '{{.Names}}')).split('\n');
  const others = names.filter((name) => !['', 'steady'].includes(name));
  if (others.length > 0) await engine.docker('rm', '-f', ...others);
  await statusSays(
    'all is well',
    ({ routes, nginx: { last_error, drift } }) =>
      routes.live === 1 && last_error === null && drift.length === 0,
  );
  assert.equal(await ask('steady'), 'steady');
});

const settingsText = (drift: string): string => `nginx:
  dir: ${nginx.dir}
  config: ${nginx.config}
  binary: ${lab.folder}/nginx-wrapper
  test_timeout: 2s
  drift: ${drift}
firewall: { mode: "off" }
watch: { linger: 1s, resync: 1s }
`;
const common = (): readonly string[] => ['--config', settingsFile, '--docker', engine.url];
const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis([...common(), ...args]);
const run = (name: string, port: string, command?: readonly string[]): Promise<string> =>
  engine.run({
    name,
    ports: [port],
    labels: { 'portcullis.host': `${name}.example` },
    ...(command && { command }),
  });
const fetched = (name: string) =>
  get(lab.outside, `http://${HOST_V4}/cgi-bin/echo`, { host: `${name}.example` });
const ask = async (name: string): Promise<string | undefined> =>
  /^HOSTNAME=(.*)$/m.exec((await fetched(name)).body)?.[1];
const served = (name: string): Promise<true> =>
  waitUntil(`${name} is served`, async () => (await ask(name)) === name || undefined, 30_000);
const answers = (name: string, status: number): Promise<true> =>
  waitUntil(
    `${name} answers ${status}`,
    async () => (await fetched(name)).status === status || undefined,
    30_000,
  );

type Status = {
  readonly nginx: {
    readonly last_error: string | null;
    readonly old_workers: number;
    readonly drift: readonly string[];
  };
  readonly routes: { readonly live: number };
};
const statusSays = (what: string, holds: (status: Status) => boolean): Promise<true> =>
  waitUntil(
    `status says: ${what}`,
    async () => {
      const { stdout } = await lab.host.run(['curl', '-s', 'http://127.0.0.1:9180/status']);
      return (stdout !== '' && holds(JSON.parse(stdout))) || undefined;
    },
    30_000,
  );

/** Waits for a line of the log that comes after this call. */
function nextLine(pattern: RegExp): Promise<string> {
  const from = watch.output().length;
  return waitUntil(
    `watch says ${pattern}`,
    () =>
      watch
        .output()
        .slice(from)
        .split('\n')
        .find((line) => pattern.test(line)),
    30_000,
  );
}

const siteFile = async (): Promise<string> => {
  const names = await readdir(join(nginx.dir, 'sites'));
  const name = names.find((each) => each.startsWith('steady.example.') && each.endsWith('.conf'));
  return join(nginx.dir, 'sites', name ?? assert.fail(names.join(' ')));
};
const BY_HAND = 'server { listen 80; server_name steady.example; return 418; }\n';
const reload = async (): Promise<void> => void process.kill(await nginx.pid(), 'SIGHUP');

test('Nginx ends without an event of Docker: told by the next look; started again, all is well', async () => {
  const told = nextLine(/pass-failed code=nginx-not-running/);
  await nginx.stop();
  await told;
  await statusSays('it does not run', ({ nginx: { last_error } }) =>
    /is not running/.test(last_error ?? ''),
  );
  assert.equal((await portcullis('status')).code, 1);
  const recovered = nextLine(/recovered/);
  await nginx.start();
  await recovered;
});

test('restarted behind our back without what we publish: noticed, reloaded, confirmed', async () => {
  const link = join(nginx.confDir, 'conf.d', 'portcullis.conf');
  await nginx.stop();
  await rename(link, `${link}.away`);
  await nginx.start();
  assert.equal(await ask('steady'), undefined);
  const noticed = nextLine(/nginx-serves-other expected=[0-9a-f]{16} action=reloaded/);
  await rename(`${link}.away`, link);
  await noticed;
  await served('steady');
});

const CHANGES: readonly [title: string, change: () => Promise<string>][] = [
  [
    'a site file that says something else',
    async () => {
      const path = await siteFile();
      await writeFile(path, BY_HAND);
      return path.slice(nginx.dir.length + 1);
    },
  ],
  [
    'a site file that Nginx refuses',
    async () => {
      const path = await siteFile();
      await writeFile(path, 'server {\n');
      return path.slice(nginx.dir.length + 1);
    },
  ],
  [
    'a site file that is gone',
    async () => {
      const path = await siteFile();
      await rm(path);
      return path.slice(nginx.dir.length + 1);
    },
  ],
  [
    'an index without its sites',
    async () => {
      const path = join(nginx.dir, 'portcullis.conf');
      await writeFile(path, (await readFile(path, 'utf8')).replaceAll(/^include .*$/gm, ''));
      return 'generations/';
    },
  ],
  [
    'a file in place of the link to the live generation',
    async () => {
      const path = join(nginx.dir, 'portcullis.conf');
      await rm(path);
      await writeFile(path, BY_HAND);
      return 'portcullis.conf';
    },
  ],
];
for (const [title, change] of CHANGES) {
  test(`changed by hand: ${title}: told, and restored`, async () => {
    const told = nextLine(/nginx-drift .*action=restore/);
    const file = await change();
    await reload();
    const line = await told;
    assert.ok(line.includes(file), `${file} in ${line}`);
    await served('steady');
    assert.equal((await portcullis('generate', '--check')).code, 0);
  });
}

test('changed by hand, with nginx.drift keep: told, shown and kept, as long as the site does not change', async () => {
  await writeFile(settingsFile, settingsText('keep'));
  await watch.saw(/settings-applied/);
  const told = nextLine(/nginx-drift .*action=keep/);
  const path = await siteFile();
  const ours = await readFile(path, 'utf8');
  await writeFile(path, BY_HAND);
  await reload();
  await told;
  const name = path.slice(nginx.dir.length + 1);
  await statusSays('one file', ({ nginx: { drift } }) => drift.join() === name);
  const check = await portcullis('generate', '--check');
  assert.equal(check.code, 3);
  assert.ok(check.stderr.includes(name), check.stderr);
  await run('newcomer', '127.0.0.1:1310:80');
  await served('newcomer');
  await answers('steady', 418);
  await watch.stop();
  const once = await portcullis('generate');
  assert.equal(once.code, 0, once.stderr);
  assert.match(once.stderr, /nginx-drift .*action=keep/);
  assert.equal(await readFile(path, 'utf8'), BY_HAND);
  await writeFile(settingsFile, settingsText('restore'));
  watch = lab.startPortcullis([...common(), 'watch']);
  await served('steady');
  assert.equal(await readFile(path, 'utf8'), ours);
});

test('nginx -t that hangs is ended with all that it started; what is served stays', async () => {
  await writeFile(hangs, '');
  const told = nextLine(/pass-failed code=nginx-hangs .*within 2 s/);
  await run('newcomer', '127.0.0.1:1310:80');
  await told;
  const child = await waitUntil(
    'it hangs again',
    async () => Number(await readFile(hangs, 'utf8')) || undefined,
  );
  assert.equal(await ask('steady'), 'steady');
  await rm(hangs);
  await waitUntil('its child has ended', () => !isAlive(child));
  await served('newcomer');
});

test('a reload that is taken, and workers that end at once: told with the cause; mended, all is served', async () => {
  const text = await readFile(nginx.config, 'utf8');
  // nginx -t does not look at it; each worker goes there first, and ends.
  await writeFile(nginx.config, `working_directory ${lab.folder}/nowhere;\n${text}`);
  const told = nextLine(
    /pass-failed code=nginx-reload-failed .*end as soon as they begin.*chdir\(/s,
  );
  await run('newcomer', '127.0.0.1:1310:80');
  await told;
  await writeFile(nginx.config, text);
  await served('newcomer');
  await served('steady');
});

test('old workers that linger are counted, and doctor names the directive that ends them', async () => {
  const held: Started[] = [];
  try {
    for (const index of [0, 1]) {
      // Takes one connection and says nothing for long, as a WebSocket may.
      await run(`long${index}`, `127.0.0.1:${1320 + index}:80`, [
        '/bin/sh',
        '-c',
        'sleep 600 | nc -l -p 80',
      ]);
      await statusSays('it is served', ({ routes }) => routes.live === index + 2);
      held.push(
        lab.outside.start(['curl', '-s', '-H', `Host: long${index}.example`, `http://${HOST_V4}/`]),
      );
      await waitUntil('Nginx passes it on', async () => {
        const flow = ['state', 'established', `dport = :${1320 + index}`];
        return (await lab.host.ok(['ss', '-Htn', ...flow])) !== '' || undefined;
      });
      await reload();
    }
    await statusSays('two old workers', ({ nginx: { old_workers } }) => old_workers === 2);
    assert.match((await portcullis('status')).stdout, / 2 old workers$/m);
    const doctor = async (): Promise<string> => {
      const { stdout } = await portcullis('doctor', '--json');
      const checks: readonly { name: string }[] = JSON.parse(stdout);
      return JSON.stringify(checks.find(({ name }) => name === 'nginx old workers'));
    };
    assert.match(await doctor(), /problem.*worker_shutdown_timeout 10m/);
    const text = await readFile(nginx.config, 'utf8');
    await writeFile(nginx.config, `worker_shutdown_timeout 1s;\n${text}`);
    assert.match(await doctor(), /"ok".*for 1s at most/);
    await writeFile(nginx.config, text);
  } finally {
    for (const each of held) await each.stop('SIGKILL');
  }
  await statusSays('none', ({ nginx: { old_workers } }) => old_workers === 0);
});
