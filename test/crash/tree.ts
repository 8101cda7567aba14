/**
 * What lies in nginx.dir. A crash may leave there, and the next publication or start takes away:
 *
 *   <anything>.tmp              a file or link that was not renamed yet
 *   generations/candidate.conf  an index that was only to be tested
 *   generations/, sites/        files of a generation that did not become live
 *
 * `test/` is the scratch of `nginx -t`, always there and made anew by each process; `lock` is empty.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { contentHash } from '../../src/adapters/content-hash.ts';
import { includedFiles } from '../../src/core/generation.ts';

/** Id of the live generation, each of whose files is there and whole; undefined: none is live. */
export function wholeGeneration(dir: string, link = 'portcullis.conf'): string | undefined {
  let target: string;
  try {
    target = readlinkSync(join(dir, link));
  } catch {
    return undefined;
  }
  const id = basename(target, '.conf');
  const index = readFileSync(join(dir, target), 'utf8');
  assert.equal(contentHash(index.replace(id, '0'.repeat(16))), id, `${target} is whole`);
  for (const file of includedFiles(index)) {
    const text = readFileSync(join(dir, file), 'utf8');
    assert.equal(contentHash(text), file.split('.').at(-2), `${file} is whole`);
  }
  return id;
}

/** Throws unless exactly what the live generation and the one before need is there. */
export function assertTidy(dir: string): void {
  const wanted = new Set<string>();
  for (const link of ['portcullis.conf', 'previous']) {
    const id = wholeGeneration(dir, link);
    if (id === undefined) continue;
    const index = readFileSync(join(dir, `generations/${id}.conf`), 'utf8');
    for (const file of [link, `generations/${id}.conf`, ...includedFiles(index)]) wanted.add(file);
    // One that `init` wrote has no manifest.
    if (existsSync(join(dir, `generations/${id}.json`))) wanted.add(`generations/${id}.json`);
  }
  const found = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((path) => path !== 'lock' && !path.startsWith('test/'));
  assert.deepEqual(found.toSorted(), [...wanted].toSorted(), 'nothing is left over');
}
