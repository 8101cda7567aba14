/** A file of ours outside of our own folders: shown as a diff, never put over somebody else's. */
import { readFile } from 'node:fs/promises';
import { codeOf, unwritable } from '../adapters/atomic-file.ts';
import { MARKER } from '../core/watch-unit.ts';
import { PortcullisError } from '../errors.ts';
import { unifiedDiff } from './unified-diff.ts';

/** Undefined where there is none. */
export async function textAt(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw unwritable(path, cause);
  }
}

export const isOurs = (text: string): boolean => text.startsWith(MARKER);

/**
 * What changes when `text` is put at `path`; undefined when it is there already.
 *
 * @throws {PortcullisError} `files-unwritable` where a file is that we did not write
 */
export async function changeOf(path: string, text: string): Promise<string | undefined> {
  const before = await textAt(path);
  if (before === text) return undefined;
  if (before !== undefined && !isOurs(before)) {
    const message = `${path} is there already and is not ours: move it away first`;
    throw new PortcullisError('files-unwritable', message);
  }
  const old = before === undefined ? new Map<string, string>() : new Map([[path, before]]);
  return unifiedDiff(old, new Map([[path, text]]));
}
