import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from './atomic-file.ts';

test('makeFolder(): makes what is missing, and ends where nothing can be made', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  t.after(() => rm(folder, { recursive: true }));
  await makeFolder(join(folder, 'a', 'b', 'c'));
  await makeFolder(join(folder, 'a', 'b', 'c'));
  assert.equal((await stat(join(folder, 'a', 'b', 'c'))).isDirectory(), true);
  await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
  for (const path of ['/proc/portcullis/sites', join(folder, 'dangling', 'sites')]) {
    await assert.rejects(makeFolder(path), { code: 'files-unwritable' });
  }
});
