import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTar } from './tar.ts';

for (const format of ['pax', 'gnu', 'ustar']) {
  test(`readTar(): reads what tar --format=${format} wrote`, (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-tar-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const [first, second] = format === 'ustar' ? [90, 90] : [120, 150]; // its limits: 155 and 100
    const long = `${'l'.repeat(first)}/${'m'.repeat(second)}`;
    mkdirSync(join(folder, 'n', long), { recursive: true });
    writeFileSync(join(folder, 'n', 'é.conf'), 'x'.repeat(512));
    chmodSync(join(folder, 'n', 'é.conf'), 0o640);
    writeFileSync(join(folder, 'n', long, 'empty'), '');
    const target = format === 'ustar' ? '../short' : `../${'t'.repeat(130)}`;
    symlinkSync(target, join(folder, 'n', 'link'));
    const args = ['-C', folder, `--format=${format}`, '-cf', '-', 'n'];
    const archive = spawnSync('tar', args, { maxBuffer: 1e7 }).stdout;

    const entries = new Map(readTar(archive).map((entry) => [entry.path, entry]));

    assert.equal(entries.get('n')?.kind, 'folder');
    const file = entries.get('n/é.conf');
    assert.equal(file?.content.toString(), 'x'.repeat(512));
    assert.equal(file.mode, 0o640);
    assert.ok(file.mtime > 1_600_000_000);
    assert.equal(entries.get(`n/${long}/empty`)?.content.length, 0);
    assert.deepEqual(
      [entries.get('n/link')?.kind, entries.get('n/link')?.target],
      ['link', target],
    );
    for (const length of [0, 300, 512, 1212, 2048])
      assert.throws(() => readTar(archive.subarray(0, length)), RangeError);
  });
}
