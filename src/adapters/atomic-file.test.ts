import assert from 'node:assert/strict';
import { link, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, writeAtomically } from './atomic-file.ts';

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

test('writeAtomically(): writes through nothing that lies where its temporary file comes', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
  t.after(() => rm(folder, { recursive: true }));
  const [victim, path] = [join(folder, 'victim'), join(folder, 'site.conf')];
  await writeFile(victim, 'mine');
  for (const put of [symlink, link]) {
    await put(victim, `${path}.tmp`);
    await writeAtomically(path, 'new');
    assert.equal(await readFile(victim, 'utf8'), 'mine');
    assert.equal(await readFile(path, 'utf8'), 'new');
    assert.deepEqual((await readdir(folder)).toSorted(), ['site.conf', 'victim']);
  }
});
