/** The lock on nginx.dir, among processes, users and namespaces. Needs root, and no engine. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { isLocked, LOCK_FILE, openLock } from '../../src/adapters/lock.ts';
import { run } from '../../src/adapters/run.ts';
import { start, type Started } from '../lab/processes.ts';
import { requireLab } from '../lab/requirements.ts';
import { waitUntil } from '../lab/wait-until.ts';

requireLab();
const root = mkdtempSync(join(tmpdir(), 'portcullis-lock-'));
chmodSync(root, 0o755);
const dir = join(root, 'nginx');
const file = join(dir, LOCK_FILE);
const started: Started[] = [];

beforeEach(() => mkdirSync(dir));
afterEach(async () => {
  for (const each of started.splice(0)) await each.stop('SIGKILL');
  rmSync(dir, { recursive: true });
});
after(() => rmSync(root, { recursive: true }));

const PROGRAM = join(import.meta.dirname, '../lab/hold-lock.js');
const holder = (folder = dir, before: readonly string[] = []): Started => {
  const each = start([...before, process.execPath, PROGRAM, folder]);
  started.push(each);
  return each;
};
const said = (each: Started): Promise<string> =>
  waitUntil('it says something', () => each.output().trim() || undefined);
const HELD_ELSEWHERE = { code: 'already-running', message: /another Portcullis is at work on \// };

test('a second one says so and leaves; the first goes on', async () => {
  const first = holder();
  assert.equal(await said(first), 'held');
  assert.equal(await isLocked(dir), true);
  await assert.rejects(openLock(dir).hold(), HELD_ELSEWHERE);
  assert.equal(await said(holder()), 'already-running');
  assert.equal(first.child.exitCode, null);
});

test('it goes with its process, also by SIGKILL, and what is left means nothing', async () => {
  const first = holder();
  assert.equal(await said(first), 'held');
  await first.stop('SIGKILL');
  assert.equal(statSync(file).size, 0);
  assert.equal(await isLocked(dir), false);
  // A pid of somebody alive, as a program that keeps one there would have left it.
  writeFileSync(file, '1\n');
  const lock = openLock(dir);
  assert.equal(await lock.hold(), true);
  assert.equal(await lock.hold(), false, 'it is held already');
  lock.release();
  assert.equal(await isLocked(dir), false);
});

test('of eight that start at once exactly one gets it, with a folder that is not there yet', async () => {
  rmSync(dir, { recursive: true });
  const words = await Promise.all(Array.from({ length: 8 }, () => said(holder())));
  assert.deepEqual(words.toSorted(), [...Array<string>(7).fill('already-running'), 'held']);
});

test('whoever asks whether it is taken keeps no starter out', async () => {
  const lock = openLock(dir);
  for (let round = 0; round < 10; round++) {
    const [asked] = await Promise.all([isLocked(dir), lock.hold()]);
    assert.equal(typeof asked, 'boolean');
    lock.release();
  }
});

test('the folder removed, and made anew by another: it is not ours any more', async () => {
  const lock = openLock(dir);
  await lock.hold();
  rmSync(dir, { recursive: true });
  assert.equal(lock.isHeld(), false);
  assert.equal(await lock.hold(), true, 'made anew, and taken');
  rmSync(dir, { recursive: true });
  assert.equal(await said(holder()), 'held');
  await assert.rejects(lock.hold(), HELD_ELSEWHERE);
  assert.equal(lock.isHeld(), false);
});

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];

test('another user can neither take it nor put a file of his own in its place', async () => {
  const lock = openLock(dir);
  await lock.hold();
  lock.release();
  for (const attempt of [
    ['flock', '-n', file, 'true'],
    ['flock', '-n', '-s', file, 'true'],
    ['rm', '-f', file],
    ['ln', '-sf', '/dev/null', file],
    [process.execPath, PROGRAM, dir],
  ]) {
    const [command = '', ...args] = [...NOBODY, ...attempt];
    const { code, stdout, stderr } = await run(command, args);
    assert.ok(code !== 0 || stdout.trim() === 'files-unwritable', attempt.join(' '));
    assert.match(`${stdout}${stderr}`, /ermission|not permitted|files-unwritable/);
  }
  assert.equal(await lock.hold(), true);
  lock.release();
});

test('a folder handed to an unprivileged user: he can take it after root had it', async () => {
  chownSync(dir, 65_534, 65_534);
  const lock = openLock(dir);
  await lock.hold();
  lock.release();
  const nobody = holder(dir, NOBODY);
  assert.equal(await said(nobody), 'held');
  await assert.rejects(openLock(dir).hold(), HELD_ELSEWHERE);
});

test('the file may be opened by those who may write into the folder', async () => {
  for (const [folder, expected] of [
    [0o755, 0o600],
    [0o775, 0o660],
  ] as const) {
    chmodSync(dir, folder);
    const lock = openLock(dir);
    await lock.hold();
    assert.equal(statSync(file).mode & 0o777, expected);
    lock.release();
  }
});

test('in other namespaces, with nothing shared but the folder, under another path', async () => {
  const other = join(root, 'elsewhere');
  mkdirSync(other, { recursive: true });
  const script = `mount --bind ${dir} ${other} && mount -t tmpfs none /run && exec "$@"`;
  const apart = [
    ...['unshare', '--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child'],
    ...['--mount-proc', 'sh', '-c', script, 'sh'],
  ];
  const inside = holder(other, apart);
  assert.equal(await said(inside), 'held');
  await assert.rejects(openLock(dir).hold(), HELD_ELSEWHERE);
  assert.equal(await isLocked(dir), true);
  await inside.stop('SIGKILL');
  const lock = openLock(dir);
  await waitUntil('it is free', async () => !(await isLocked(dir)));
  await lock.hold();
  assert.equal(await said(holder(other, apart)), 'already-running');
  lock.release();
});

test('a link in its place is not followed', async () => {
  symlinkSync(join(root, 'victim'), file);
  await assert.rejects(openLock(dir).hold(), { code: 'files-unwritable', message: /ELOOP/ });
});
