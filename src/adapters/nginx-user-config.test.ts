import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { localFiles } from './config-files.ts';
import { readUserConfig } from './nginx-user-config.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-user-config-'));
  for (const name of ['conf.d', 'sites-enabled']) await mkdir(join(folder, name));
  await writeFile(
    join(folder, 'nginx.conf'),
    'http {\n    include conf.d/*.conf;\n    include sites-enabled/*;\n}\n',
  );
});
after(() => rm(folder, { recursive: true }));

test('readUserConfig(): include lines in the order of the file, also where the first folder is slow', async () => {
  let readLast = (): void => {};
  const lastIsRead = new Promise<void>((resolve) => {
    readLast = resolve;
  });
  const { includes } = await readUserConfig(join(folder, 'nginx.conf'), '/entry/portcullis.conf', {
    ...localFiles,
    async list(path) {
      if (path.endsWith('/conf.d')) await lastIsRead;
      const names = await localFiles.list(path);
      if (path.endsWith('/sites-enabled')) setImmediate(readLast);
      return names;
    },
  });
  assert.deepEqual(
    includes.map(({ pattern }) => pattern),
    ['conf.d/*.conf', 'sites-enabled/*'],
  );
});
