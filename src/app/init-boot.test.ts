/** systemd is played here; a real one starts the units in test/systemd. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Run } from '../adapters/run.ts';
import type { Systemd } from '../adapters/systemd.ts';
import { settingsSchema } from '../core/settings-schema.ts';
import { bootSteps, bootUndoSteps } from './init-boot.ts';

let folder = '';
let systemd: Systemd;
const ran: string[] = [];
const run: Run = async (command, args) => {
  ran.push([command, ...args].join(' '));
  return { code: 0, stdout: '', stderr: '', timedOut: false };
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-init-'));
  systemd = { run, runtimeDir: folder, unitDir: folder, vendorDir: `${folder}/vendor` };
});
after(() => rm(folder, { recursive: true, force: true }));

const settings = (mode: string): ReturnType<typeof settingsSchema.parse> =>
  settingsSchema.parse({ firewall: { mode, state_dir: `${folder}/state` } });

test('bootSteps(): nothing where there is no systemd, or nothing to enforce', async () => {
  assert.deepEqual(
    await bootSteps(settings('enforce'), { ...systemd, runtimeDir: '/nonexistent' }),
    [],
  );
  assert.deepEqual(await bootSteps(settings('off'), systemd), []);
  assert.deepEqual(await bootSteps(settings('audit'), systemd), []);
});

test('bootSteps(): writes the unit and the file it loads, enables it; undo takes it away', async () => {
  const [step, ...more] = await bootSteps(settings('enforce'), systemd);
  assert.equal(more.length, 0);
  await step?.act();
  assert.match(
    await readFile(join(folder, 'portcullis-firewall.service'), 'utf8'),
    /Before=.*docker\.service/,
  );
  assert.deepEqual(await readdir(join(folder, 'state')), ['boot.nft']);
  assert.deepEqual(ran.slice(-2), [
    'systemctl daemon-reload',
    'systemctl enable portcullis-firewall.service',
  ]);
  assert.deepEqual(
    await bootSteps(settings('enforce'), systemd),
    [],
    'a second time there is nothing to do',
  );
  const [undo] = await bootUndoSteps(systemd);
  await undo?.act();
  assert.deepEqual(await bootUndoSteps(systemd), []);
  assert.ok(ran.includes('systemctl disable portcullis-firewall.service'));
});
