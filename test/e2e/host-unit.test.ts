/** What `init` gives to a host, judged by the programs that read it. A systemd that runs it: test/systemd. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../src/adapters/run.ts';
import { logrotateSteps, logrotateUndoSteps } from '../../src/app/init-logrotate.ts';
import { watchUnit } from '../../src/core/watch-unit.ts';
import { settingsSchema, type Settings } from '../../src/core/settings-schema.ts';
import { put } from '../lab/files.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { findProgram } from '../lab/requirements.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let nginx: LabNginx;
let settings: Settings;
let log = '';
let folder = '';

before(async () => {
  lab = await openLab();
  nginx = await lab.startNginx();
  folder = join(lab.folder, 'logrotate.d');
  log = join(lab.folder, 'logs/access.log');
  for (const name of ['logrotate.d', 'logs']) await mkdir(join(lab.folder, name));
  settings = settingsSchema.parse({
    nginx: { dir: nginx.dir, config: nginx.config, access_log: log },
  });
});
after(() => lab?.close());

const analyze = { skip: findProgram('systemd-analyze') === undefined && 'no systemd-analyze here' };

/** Lines that name the unit; others are about this machine. */
const about = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line.includes('portcullis.service'));

const unitFile = (): Promise<string> =>
  put(
    join(lab.folder, 'units/portcullis.service'),
    watchUnit({ command: [process.execPath, '/opt/a "b" 100% $c/cli.js'], writes: [nginx.dir] }),
  );

test('systemd-analyze verify takes the unit, whatever stands in a path', analyze, async () => {
  const path = await unitFile();
  const { stderr } = await run('systemd-analyze', ['verify', '--man=no', path]);
  assert.deepEqual(about(stderr), []);
  await writeFile(
    path,
    (await readFile(path, 'utf8')).replace('NoNewPrivileges', 'NoNewPrivilege'),
  );
  const wrong = await run('systemd-analyze', ['verify', '--man=no', path]);
  assert.match(about(wrong.stderr).join(), /Unknown key .*'NoNewPrivilege'/);
});

test('systemd-analyze security: exposure below 3', analyze, async () => {
  const options = ['security', '--offline=true', '--no-pager'];
  const { stdout } = await run('systemd-analyze', [...options, await unitFile()]);
  const [line = '', score] = /.*exposure level.*: ([\d.]+).*/.exec(stdout) ?? [];
  console.log(line.trim());
  assert.ok(Number(score) < 3, stdout);
});

test('init on a host without systemd says that no unit was installed', async () => {
  const text = `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }\nfirewall: { mode: "off" }\n`;
  const file = await put(join(lab.folder, 'portcullis.yaml'), text);
  const { stdout } = await lab.portcullis(['--config', file, 'init', '--yes']);
  assert.match(stdout, /^no unit was installed: this host does not run systemd/m);
});

test('logrotate moves the log away, and Nginx writes to a new one', async () => {
  const server = `server { listen 127.0.0.1:8099; access_log ${log}; return 200 x; }`;
  await put(join(nginx.confDir, 'conf.d/log.conf'), server);
  await nginx.stop();
  await nginx.start();
  const ask = async (name: string): Promise<unknown> =>
    lab.host.ok(['curl', '-s', `http://127.0.0.1:8099/${name}`]);
  const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  await ask('before');
  assert.match(await textOf(log), /before/);

  const [step, ...more] = await logrotateSteps(settings, folder);
  assert.ok(step);
  assert.equal(more.length, 0);
  assert.match(step.shown, /^\+.*kill -USR1/m);
  await step.act();
  assert.deepEqual(await logrotateSteps(settings, folder), [], 'it is there already');

  const state = join(lab.folder, 'logrotate.state');
  const { code, stderr } = await run('logrotate', ['-s', state, '-f', join(folder, 'portcullis')]);
  assert.equal(code, 0, stderr);
  await waitUntil('Nginx writes to the new log', async () => {
    await ask('after');
    return (await textOf(log)).includes('after');
  });
  assert.match(await textOf(`${log}.1`), /before/);
  assert.doesNotMatch(await textOf(log), /before/);

  for (const undo of await logrotateUndoSteps(folder)) await undo.act();
  assert.deepEqual(await readdir(folder), []);
});

test('a log that another file rotates is left to it: logrotate takes no log twice', async () => {
  const theirs = await put(
    join(folder, 'theirs'),
    `${join(lab.folder, 'logs')}/*.log\n{\n  daily\n}\n`,
  );
  assert.deepEqual(await logrotateSteps(settings, folder), []);
  await writeFile(theirs, '/other/*.log {\n  daily\n}\n');
  assert.equal((await logrotateSteps(settings, folder)).length, 1);
});

test('a file of that name that is not ours is not touched', async () => {
  await put(join(folder, 'portcullis'), '/somebody/else.log {\n}\n');
  await assert.rejects(logrotateSteps(settings, folder), {
    code: 'files-unwritable',
    message: `${join(folder, 'portcullis')} is there already and is not ours: move it away first`,
  });
  assert.deepEqual(await logrotateUndoSteps(folder), []);
});
