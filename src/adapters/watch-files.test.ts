import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { watchFiles } from './watch-files.ts';

test('watchFiles(): a folder whose parent is not there either is seen when it comes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-watch-'));
  const ended = new AbortController();
  const seen: string[] = [];
  const wanted = join(folder, 'letsencrypt', 'live');
  try {
    await watchFiles([wanted], (path) => seen.push(path), ended.signal);
    await mkdir(wanted, { recursive: true });
    while (!seen.includes(wanted)) await delay(20);
  } finally {
    ended.abort();
    await rm(folder, { recursive: true });
  }
  assert.deepEqual(seen, [wanted]);
});
