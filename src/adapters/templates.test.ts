import { rejects } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadTemplates } from './templates.ts';

const CASES: readonly [title: string, name: string, why: string][] = [
  ['is not there', 'absent', 'there is no such folder'],
  ['is a file', 'file', 'is a file, not a folder'],
];

for (const [title, name, why] of CASES) {
  test(`loadTemplates(): a template_dir that ${title} is told with its key`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-templates-'));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'file'), '');
    const path = join(folder, name);
    await rejects(loadTemplates(path), { message: `template_dir ${path}: ${why}` });
  });
}
