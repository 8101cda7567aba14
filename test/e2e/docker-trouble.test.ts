/** A Docker that lies, hangs or falls silent, under one `watch`: what works goes on, and all ends up right. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import { openDocker } from '../../src/adapters/docker.ts';
import type { Engine } from '../lab/engine.ts';
import { startFaultyDocker, type Fault, type FaultyDocker } from '../lab/faulty-docker.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab, type Watching } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { isAlive } from '../lab/processes.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let docker: FaultyDocker;
let watch: Watching;
let settingsFile = '';

before(async () => {
  lab = await openLab();
  [engine, nginx] = await Promise.all([lab.startEngine(), lab.startNginx()]);
  docker = await startFaultyDocker(lab.folder, engine.socket);
  lab.cleanup.add('the proxy', () => docker.close());
  settingsFile = await put(
    join(lab.folder, 'portcullis.yaml'),
    `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { mode: enforce, backend: nftables, state_dir: ${lab.folder}/state }
watch: { linger: 1s, resync: 1s }
`,
  );
  const { code, stderr } = await portcullis('init', '--yes');
  assert.equal(code, 0, stderr);
  // On every address: only the firewall keeps it from the outside.
  for (const [index, name] of ['steady', 'other'].entries()) await run(name, `${1300 + index}:80`);
  watch = startWatch();
  await served('steady');
});
after(async () => {
  await watch?.stop();
  await lab.close();
});

/** Every test starts with the same two containers, and a watch that is connected. */
afterEach(async () => {
  docker.heal();
  const ids = (await engine.docker('ps', '-a', '--format', '{{.Names}}')).split('\n');
  const others = ids.filter((name) => !['', 'steady', 'other'].includes(name));
  if (others.length > 0) await engine.docker('rm', '-f', ...others);
  await statusSays(({ docker: { connected }, routes }) => connected && routes.live === 2);
});

const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', settingsFile, '--docker', docker.url, ...args]);
const startWatch = (env?: Record<string, string>): Watching =>
  lab.startPortcullis(['--config', settingsFile, '--docker', docker.url, 'watch'], env);
const run = (name: string, port: string, args: readonly string[] = []): Promise<string> =>
  engine.run({ name, ports: [port], labels: { 'portcullis.host': `${name}.example` }, args });
const ask = async (name: string): Promise<string | undefined> => {
  const { body } = await get(lab.outside, `http://${HOST_V4}/cgi-bin/echo`, {
    host: `${name}.example`,
  });
  return /^HOSTNAME=(.*)$/m.exec(body)?.[1];
};
const served = (name: string): Promise<true> =>
  waitUntil(`${name} is served`, async () => (await ask(name)) === name || undefined, 30_000);

/** Waits for a line of the log that comes after this call. */
function nextLine(pattern: RegExp): Promise<string> {
  const from = watch.output().length;
  return waitUntil(
    `watch says ${pattern}`,
    () => {
      const said = watch.output().slice(from);
      return said.split('\n').find((line) => pattern.test(line));
    },
    30_000,
  ).catch((error: unknown) => {
    throw new Error(`it said:\n${watch.output().slice(from)}`, { cause: error });
  });
}

/** Asks for what worked, over and over while `act` runs: not one answer may be missing. */
async function whileServed(act: () => Promise<void>): Promise<void> {
  const done = new AbortController();
  let asked = 0;
  const asking = (async () => {
    for (; !done.signal.aborted; asked += 1) {
      assert.equal(await ask('steady'), 'steady');
      const past = await get(lab.outside, `http://${HOST_V4}:1300/`, {
        args: ['--max-time', '0.3'],
      });
      assert.equal(past.status, 0, 'the container answers past Nginx');
    }
  })();
  try {
    await Promise.race([act(), asking]);
  } finally {
    done.abort();
    await asking;
  }
  assert.ok(asked > 0);
}

type Status = {
  readonly docker: { readonly connected: boolean; readonly flapping: readonly string[] };
  readonly routes: { readonly live: number };
  readonly events: { readonly seen: number; readonly reconciles: number };
};
async function status(): Promise<Status | undefined> {
  const { stdout } = await lab.host.run(['curl', '-s', 'http://127.0.0.1:9180/status']);
  return stdout === '' ? undefined : JSON.parse(stdout);
}
const statusSays = (holds: (now: Status) => boolean): Promise<true> =>
  waitUntil(`status: ${holds.toString()}`, async () => {
    const now = await status();
    return (now && holds(now)) || undefined;
  });

/** Routes and rules are what the engine itself says they must be. */
async function allIsRight(...names: readonly string[]): Promise<void> {
  for (const name of ['steady', 'other', ...names]) await served(name);
  await waitUntil('the firewall is as it should be', async () => {
    const args = ['--config', settingsFile, '--docker', engine.url, 'firewall', 'check'];
    return (await lab.portcullis(args)).code === 0 || undefined;
  });
  await statusSays(
    ({ docker: { connected }, routes }) => connected && routes.live === 2 + names.length,
  );
}

const ANY = /\/containers\//;
const TROUBLES: readonly [title: string, fault: Fault, says: RegExp][] = [
  ['answers 500', 'error', /HTTP 500/],
  ['permission lost', 'forbidden', /HTTP 403.*proxy/],
  ['answers cut in half', 'cut', /ended before the answer was whole/],
  ['JSON that is none', 'garbage', /not JSON/],
  ['a body that never ends', 'hangs', /did not answer GET \/containers\/\S+ within 10 s/],
];
for (const [title, fault, says] of TROUBLES) {
  test(`${title}: what is served stays, the new container comes afterwards`, async () => {
    await whileServed(async () => {
      docker.spoilt = { path: ANY, fault };
      const lost = nextLine(/docker-lost .*routes=kept/);
      await run('newcomer', '127.0.0.1:1310:80');
      // One message within its time, and no stack trace, for those who ask once.
      const asked = fault === 'hangs' ? [['routes'], ['generate', '--check']] : [];
      const once = await Promise.all(asked.map((args) => portcullis(...args)));
      assert.match(await lost, says);
      for (const { code, stdout, stderr } of once) {
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, new RegExp(`^portcullis: .*${says.source}`));
        assert.doesNotMatch(stderr, /^ +at /m);
      }
      docker.heal();
      await served('newcomer');
    });
    await allIsRight('newcomer');
  });
}

test('the socket is gone and comes back', async () => {
  await whileServed(async () => {
    const lost = nextLine(/docker-lost/);
    await docker.close();
    await lost;
    await run('newcomer', '127.0.0.1:1310:80');
    const { code, stderr } = await portcullis('routes');
    assert.equal(code, 1);
    assert.match(stderr, /^portcullis: cannot reach Docker at .*is Docker running\?/);
    await docker.open();
    await served('newcomer');
  });
  await allIsRight('newcomer');
});

test('lists without containers, or with half of them, take nothing away', async () => {
  await whileServed(async () => {
    for (const fault of ['empty-list', 'half-list'] as const) {
      docker.spoilt = { path: /\/containers\/json/, fault };
      const lost = nextLine(/docker-lost/);
      docker.cut();
      await lost;
      await nextLine(/docker-reconnected/);
      // Longer than what lingers, and two comparisons: one list was one too few to believe.
      await passes(2);
      assert.equal(await ask('other'), 'other');
    }
    // A watch that starts now knows only what is live.
    await watch.stop();
    docker.spoilt = { path: /\/containers\/json/, fault: 'empty-list' };
    watch = startWatch();
    await watch.saw(/firewall-enforced/);
    await passes(3);
    assert.equal(await ask('other'), 'other');
  });
});

/** Waits until `watch` has done that many passes from now on. */
async function passes(more: number): Promise<void> {
  let first: number | undefined;
  await statusSays(({ events }) => events.reconciles >= (first ??= events.reconciles) + more);
}

test('an event stream that is open and silent is found out and opened anew', async () => {
  docker.eventFault = 'stall';
  await whileServed(async () => {
    const lost = nextLine(/docker-lost .*stream did not say so/);
    await run('newcomer', '127.0.0.1:1310:80');
    await served('newcomer');
    await lost;
  });
  await allIsRight('newcomer');
});

for (const fault of ['lose', 'double', 'reverse'] as const) {
  test(`events that come otherwise than they were (${fault}) end up in the same`, async () => {
    docker.eventFault = fault;
    // Names of their own: one that ends time and again flaps.
    const [one, two, three] = [`one-${fault}`, `two-${fault}`, `three-${fault}`];
    await run(one, '127.0.0.1:1310:80');
    await run(two, '127.0.0.1:1311:80');
    await engine.docker('restart', '-t', '0', one);
    await engine.docker('rm', '-f', two);
    await run(three, '127.0.0.1:1311:80');
    await allIsRight(one, three);
    assert.equal(await ask(two), undefined);
  });
}

test('a crash loop of thousands of events a second: few reloads, named once, others are served', async () => {
  const mark = watch.output().length;
  await engine.run({
    name: 'crashing',
    ports: ['127.0.0.1:1320:80'],
    labels: { 'portcullis.host': 'crashing.example' },
    args: ['--restart', 'always'],
    command: ['/bin/sh', '-c', 'exit 1'],
  });
  const isOfIt = (line: string): boolean => /"(start|die)"/.test(line) && /crashing/.test(line);
  await waitUntil('it ended once', () =>
    docker.recorded.some((line) => /"die"/.test(line) && isOfIt(line)),
  );
  const lines = docker.recorded.filter(isOfIt);
  const earlier = await status();
  const [reloads, startedAt] = [await nginx.reloads(), performance.now()];
  await whileServed(async () => {
    const storm = docker.replay(lines, Math.ceil(20_000 / lines.length));
    await run('newcomer', '127.0.0.1:1310:80');
    await served('newcomer');
    await storm;
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const now = await status();
  assert.ok(earlier && now);
  assert.deepEqual(now.docker.flapping, ['crashing']);
  const seen = now.events.seen - earlier.events.seen;
  const made = (await nginx.reloads()) - reloads;
  console.log(`# ${seen} events in ${seconds.toFixed(1)} s: ${made} reloads`);
  assert.ok(seen >= 20_000, `${seen} events`);
  // It comes and goes for real as well, a second's lingering between: at most two a second, one for the newcomer.
  assert.ok(made <= 2 * seconds + 1, `${made} reloads`);
  const named = watch
    .output()
    .slice(mark)
    .split('\n')
    .filter((line) => /container-flaps/.test(line));
  assert.equal(named.length, 1, named.join('\n'));
  assert.match(named[0] ?? '', /name=crashing/);
});

test('a health that turns over and over: a reload each two seconds at most, once it is named', async () => {
  await engine.run({
    name: 'moody',
    ports: ['127.0.0.1:1321:80'],
    labels: { 'portcullis.host': 'moody.example' },
    args: [
      ...[
        '--health-cmd',
        'if test -e /up; then rm /up; exit 1; else touch /up; fi',
        '--health-interval',
        '300ms',
      ],
      ...['--health-retries', '1', '--health-start-period', '0s'],
    ],
  });
  await waitUntil('it is named', async () => (await status())?.docker.flapping.includes('moody'));
  const [reloads, startedAt] = [await nginx.reloads(), performance.now()];
  await run('calm', '127.0.0.1:1311:80');
  await served('calm');
  await waitUntil('ten seconds', () => performance.now() - startedAt > 10_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const made = (await nginx.reloads()) - reloads;
  console.log(`# ${made} reloads in ${seconds.toFixed(1)} s`);
  // One at the start, and at each of the newcomer's own, as it starts and is served, what is so by then.
  assert.ok(made <= seconds / 2 + 4, `${made} reloads`);
  await engine.docker('rm', '-f', 'moody');
});

test('API versions from 1.41 to what the engine has: the same containers and networks', async () => {
  const signal = new AbortController().signal;
  const direct = await openDocker({ url: engine.url, env: {} });
  const { api } = await direct.version(signal);
  const through = await openDocker({ url: docker.url, env: { DOCKER_API_VERSION: '1.99' } });
  const newest = Number(api.split('.')[1]);
  for (let minor = 41; minor <= newest; minor += 1) {
    docker.pinnedApi = docker.newestApi = `1.${minor}`;
    const [seen, real] = [await through.snapshot(signal), await direct.snapshot(signal)];
    assert.deepEqual(seen, real, `API 1.${minor}`);
    const { id } = real.containers[0] ?? assert.fail('no container');
    assert.deepEqual(await through.inspect(id, signal), await direct.inspect(id, signal));
  }
  // No version is asked for, so none is too new.
  assert.deepEqual([...docker.versions], ['none']);
});

test('too many open files: told, and over when they are fewer', async () => {
  const pid = String(watch.pid);
  const limit = (soft: string): Promise<string> =>
    lab.host.ok(['prlimit', '--pid', pid, `--nofile=${soft}:`]);
  const told = nextLine(
    /(?:pass-failed|firewall-failed|docker-lost) .*(?:EMFILE|too many open files)/,
  );
  await limit('10');
  await run('newcomer', '127.0.0.1:1310:80');
  await told;
  assert.ok(isAlive(watch.pid), watch.output());
  await limit('1024');
  await served('newcomer');
  await allIsRight('newcomer');
});

/** `AbortSignal.any` fails once the file is there: a bug in whatever part opens something next. */
const bugIn = (flag: string): string =>
  `--import=data:text/javascript,${encodeURIComponent(`
    import { existsSync } from 'node:fs';
    const any = AbortSignal.any;
    AbortSignal.any = (signals) => {
      if (existsSync(${JSON.stringify(flag)})) throw new TypeError('planted');
      return any.call(AbortSignal, signals);
    };
  `)}`;

const monitorOf = async (pid: number): Promise<number> => {
  const { stdout } = await lab.host.run(['pgrep', '-P', String(pid), '-x', 'nft']);
  return Number(stdout.trim().split('\n')[0]);
};
const PARTS: readonly [part: string, stir: () => Promise<void>][] = [
  ['docker', async () => docker.cut()],
  [
    'firewall',
    async () => {
      const monitor = await waitUntil(
        'nft monitor runs',
        async () => (await monitorOf(watch.pid)) || undefined,
      );
      process.kill(monitor, 'SIGKILL');
    },
  ],
];
for (const [part, stir] of PARTS) {
  test(`a bug in the part "${part}" ends all of watch: exit code 1, the lock is free, all stays`, async () => {
    const flag = join(lab.folder, `bug-${part}`);
    await watch.stop();
    watch = startWatch({ NODE_OPTIONS: bugIn(flag) });
    await watch.saw(/firewall-enforced/);
    await passes(1);
    const monitor = await monitorOf(watch.pid);
    await writeFile(flag, '');
    await stir();
    assert.equal(await waitUntil('it ended', () => watch.child.exitCode ?? undefined), 1);
    const said = watch.output();
    assert.match(said, new RegExp(`part-failed part=${part} reason=planted`));
    assert.match(said, new RegExp(`^portcullis: the part "${part}" of watch failed`, 'm'));
    await waitUntil('no child is left', () => !isAlive(monitor));
    await rm(flag);
    const { code, stderr } = await portcullis('generate');
    assert.equal(code, 0, stderr);
    watch = startWatch();
    await watch.saw(/firewall-enforced/);
  });
}
