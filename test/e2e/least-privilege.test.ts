/** Without root: what each right is for, that these rights are enough, and what is said where one is missing. */
import assert from 'node:assert/strict';
import { chmod, chown, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import { endByPid, isAlive, start, type Started } from '../lab/processes.ts';
import { folderOf, openUsers, programForAll, type AsUser, type User } from '../lab/unprivileged.ts';
import { waitUntil } from '../lab/wait-until.ts';

const [UID, OTHER, DOCKER] = [43_210, 43_211, 43_212];
const ENOUGH: User = { uid: UID, groups: [DOCKER], capabilities: ['net_admin'] };

let lab: Lab;
let engine: Engine;
let program: readonly string[];
let asUser: AsUser;
/** An Nginx of the same user, and one of another. */
let own: Server;
let others: Server;

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine();
  await chmod(lab.folder, 0o755);
  await chown(engine.socket, 0, DOCKER);
  await chmod(engine.socket, 0o660);
  program = await programForAll(lab.folder);
  asUser = await openUsers(lab.folder);
  own = await serve('own', UID, 8080);
  others = await serve('others', OTHER, 8081);
  await web('process_1234', 1234);
});
after(() => lab.close());

type Place = { readonly dir: string; readonly config: string; readonly port: number };
type Server = Place & { readonly settings: string };

/** An Nginx without root, which reads a folder that Portcullis' user may write. */
async function serve(name: string, uid: number, port: number): Promise<Server> {
  const folder = await folderOf(join(lab.folder, name), uid);
  const dir = await folderOf(join(folder, 'portcullis'), UID);
  const [log, pidFile] = [join(folder, 'error.log'), join(folder, 'nginx.pid')];
  // "nginx -t" opens both: another user needs the right to.
  for (const file of [log, pidFile]) await chmod(await put(file, ''), 0o666);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = await put(
    join(folder, 'nginx.conf'),
    `pid ${pidFile};
error_log ${log} notice;
events { worker_connections 64; }
http {
    access_log off;
${temporary.map((each) => `    ${each}_temp_path ${folder}/${each};\n`).join('')}    include ${dir}/*.conf;
}
`,
  );
  await lab.host.ok(asUser({ uid }, ['nginx', '-c', config, '-p', folder, '-e', log]));
  const pid = await waitUntil('nginx runs', async () => {
    const found = Number(await readFile(pidFile, 'utf8'));
    return found > 1 && isAlive(found) && found;
  });
  lab.cleanup.add(`nginx ${name}`, () => endByPid(pid));
  const settings = await settingsFor(name, { dir, config, port });
  return { settings, port, dir, config };
}

async function settingsFor(
  name: string,
  { dir, config, port }: Place,
  state = join(lab.folder, 'state'),
): Promise<string> {
  if (state.startsWith(lab.folder)) await folderOf(state, UID);
  return put(
    join(lab.folder, `${name}.yaml`),
    `nginx: { dir: ${dir}, config: ${config}, control: local, listen_http: ${port} }
tls: { acme_dir: "" }
firewall: { state_dir: ${state} }
`,
  );
}

const web = (name: string, port: number): Promise<string> =>
  engine.run({
    name,
    ports: [`127.0.0.1:${port}:80`],
    labels: { 'portcullis.enable': 'true' },
  });

const command = (user: User, settings: string, args: readonly string[]): readonly string[] =>
  asUser(user, [...program, '--config', settings, '--docker', engine.url, ...args]);

/** Not by `lab.host`, so that its pid is the program's. */
const inHost = (argv: readonly string[]): readonly string[] => [
  ...['nsenter', `--net=/run/netns/${lab.host.name}`, '--'],
  ...argv,
];

const portcullis = (user: User, settings: string, ...args: string[]): Promise<RunResult> =>
  lab.host.run(command(user, settings, args));

const answers = async ({ port }: Server, host: string): Promise<boolean> =>
  (await get(lab.outside, `http://${HOST_V4}:${port}/`, { host })).body === 'lab\n';

const NO_STATE = '/root/portcullis-state';
const NO_STATE_SAID =
  /cannot write \/root\/portcullis-state \(EACCES\): run as root, or give this user the right to write there/;

type Lack = {
  readonly lacks: string;
  readonly user: User;
  readonly settings: () => string | Promise<string>;
  readonly says: RegExp;
};

const LACKS: readonly Lack[] = [
  {
    lacks: 'the group of the Docker socket',
    user: { ...ENOUGH, groups: [] },
    settings: () => own.settings,
    says: /^portcullis: cannot reach Docker at unix:.*permission denied; run as root or add the user to the group docker/,
  },
  {
    lacks: 'NET_ADMIN',
    user: { ...ENOUGH, capabilities: [] },
    settings: () => own.settings,
    says: /no right to change the firewall: .*NET_ADMIN/,
  },
  {
    lacks: 'write access to nginx.dir',
    user: ENOUGH,
    async settings() {
      const roots = await folderOf(join(lab.folder, 'roots'), 0);
      const dir = join(roots, 'portcullis');
      const text = (await readFile(own.config, 'utf8')).replaceAll(own.dir, dir);
      const config = await put(join(roots, 'nginx.conf'), text);
      return settingsFor('no-dir', { ...own, dir, config });
    },
    says: /cannot write .*\/roots\/portcullis.* \(EACCES\): run as root, or give this user the right to write there/,
  },
  {
    lacks: 'the right to signal Nginx',
    user: ENOUGH,
    settings: () => others.settings,
    says: /cannot signal Nginx \(pid \d+, EPERM\): .*user Nginx's master runs as.*CAP_KILL/,
  },
  {
    lacks: 'write access to firewall.state_dir',
    user: ENOUGH,
    settings: () => settingsFor('no-state', own, NO_STATE),
    says: NO_STATE_SAID,
  },
  {
    lacks: 'NET_BIND_SERVICE for a port below 1024',
    user: ENOUGH,
    settings: () => settingsFor('low-port', { ...own, port: 80 }),
    says: /bind\(\) to .*:80 failed \(13: Permission denied\); nginx -t runs as the user of Portcullis, uid 43210, who needs that right \(.*CAP_NET_BIND_SERVICE\)/,
  },
  {
    lacks: 'the right to write where Nginx logs',
    user: ENOUGH,
    async settings() {
      const log = await put(join(lab.folder, 'roots.log'), '');
      await chmod(log, 0o600);
      const text = (await readFile(own.config, 'utf8')).replace(
        /^error_log \S+/m,
        `error_log ${log}`,
      );
      return settingsFor('no-log', {
        ...own,
        port: 8090,
        config: await put(join(lab.folder, 'no-log.conf'), text),
      });
    },
    says: /open\(\) ".*roots\.log" failed \(13: Permission denied\); nginx -t runs as the user of Portcullis, uid 43210/,
  },
];

for (const { lacks, user, settings, says } of LACKS) {
  test(`generate without ${lacks} says so`, async () => {
    const { code, stderr } = await portcullis(user, await settings(), 'generate');
    assert.equal(code, 1, stderr);
    assert.match(stderr, says);
  });
}

test('where Nginx cannot be told, nothing was published', async () => {
  const written = (await readdir(others.dir)).filter((name) =>
    /portcullis|generations|sites/.test(name),
  );
  assert.deepEqual(written, []);
});

test('watch with NET_ADMIN alone serves, reloads, guards and repairs', async () => {
  const watching: Started = start(inHost(command(ENOUGH, own.settings, ['watch'])));
  try {
    const saw = (pattern: RegExp) =>
      waitUntil(`${pattern} in\n${watching.output()}`, () => pattern.test(watching.output()));
    await saw(/firewall-enforced/);
    const status = await readFile(`/proc/${watching.pid}/status`, 'utf8');
    assert.match(status, new RegExp(`^Uid:\\t${UID}\\t`, 'm'));
    assert.match(status, /^CapEff:\t0000000000001000$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    await waitUntil('the first container answers', () => answers(own, 'service-1234.example.com'));
    await web('process_1235', 1235);
    await waitUntil('the next one answers', () => answers(own, 'service-1235.example.com'));
    await lab.host.ok(['nft', 'delete', 'table', 'inet', 'portcullis']);
    await saw(/firewall-repaired/);
    assert.equal((await portcullis(ENOUGH, own.settings, 'firewall', 'check')).code, 0);
    assert.equal((await portcullis(ENOUGH, own.settings, 'status')).code, 0);
    assert.doesNotMatch(watching.output(), / error /);
  } finally {
    await watching.stop();
  }
});

test('CAP_KILL is enough to reload the Nginx of another user', async () => {
  const able = { ...ENOUGH, capabilities: ['net_admin', 'kill'] };
  const { code, stderr } = await portcullis(able, others.settings, 'generate');
  assert.equal(code, 0, stderr);
  assert.ok(await answers(others, 'service-1234.example.com'));
});

test('watch that cannot write the rules for boot says so, and the firewall is in force', async () => {
  const file = await settingsFor('no-state', own, NO_STATE);
  const watching = start(inHost(command(ENOUGH, file, ['watch'])));
  try {
    await waitUntil('it says so', () => NO_STATE_SAID.test(watching.output()));
    await waitUntil(
      'all is well',
      async () => (await portcullis(ENOUGH, file, 'status')).code === 0,
    );
  } finally {
    await watching.stop();
  }
});

for (const [args, exitCode] of [
  [['routes'], 0],
  [['audit'], 0],
  [['explain', 'process_1234'], 0],
  [['firewall', 'show'], 0],
] as const) {
  test(`${args[0]} works without root`, async () => {
    const { code, stdout, stderr } = await portcullis(ENOUGH, own.settings, ...args);
    assert.equal(code, exitCode, stdout + stderr);
  });
}
