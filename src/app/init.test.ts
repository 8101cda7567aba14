import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingsSchema } from '../core/settings-schema.ts';
import { nginxUndoSteps } from './init.ts';

for (const [title, comment] of [
  ['UTF-8', Buffer.from('# für alle\r\n')],
  ['another encoding', Buffer.from('# für alle\r\n', 'latin1')],
] as const) {
  test(`nginxUndoSteps(): a configuration in ${title} loses our line and no other byte`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
    t.after(() => rm(folder, { recursive: true }));
    const [dir, config] = [join(folder, 'portcullis'), join(folder, 'nginx.conf')];
    const line = `\n    include ${dir}/portcullis.conf; # put here by "portcullis init"`;
    const [before, after] = [Buffer.from('events {}\nhttp {'), Buffer.from('\r\n}')];
    await writeFile(config, Buffer.concat([comment, before, Buffer.from(line), after]));
    const [step] = await nginxUndoSteps(settingsSchema.parse({ nginx: { dir, config } }));
    await step?.act();
    assert.deepEqual(await readFile(config), Buffer.concat([comment, before, after]));
  });
}
