import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { adviceOn, codeOf, makeFolder, writeAtomically } from '../adapters/atomic-file.ts';
import type { FileTree } from '../core/model.ts';
import { planFiles, type FileChange } from '../core/plan-files.ts';
import { PortcullisError } from '../errors.ts';

/** First words of every site file: only such files are ever removed from a folder the user named. */
const MARK = ': written by Portcullis from container labels.';

/**
 * Makes `dir` hold `files`, and takes away site files of ours that are no longer wanted.
 *
 * @throws {PortcullisError} `files-unwritable`
 */
export async function writeOut(dir: string, files: FileTree): Promise<readonly FileChange[]> {
  try {
    const changes = planFiles(await readOurs(dir, files), files);
    await makeFolder(join(dir, 'sites'));
    for (const change of changes) {
      const path = join(dir, change.path);
      if (change.kind === 'remove') await rm(path, { force: true });
      else await writeAtomically(path, change.text);
    }
    return changes;
  } catch (cause) {
    throw notWritten(dir, cause);
  }
}

/** Nothing that is live is at stake here, and the folder is of the user's own choice. */
function notWritten(dir: string, error: unknown): PortcullisError {
  const cause = error instanceof PortcullisError ? error.cause : error;
  const code = codeOf(cause);
  const advice =
    code === 'ENOENT' ? 'no folder can be made there: choose another one' : adviceOn(code);
  return new PortcullisError(
    'files-unwritable',
    `--out ${dir}: cannot be written (${code}): ${advice}`,
    { cause },
  );
}

async function readOurs(dir: string, files: FileTree): Promise<FileTree> {
  const names = await readdir(join(dir, 'sites')).catch(() => []);
  const paths = new Set([...files.keys(), ...names.map((name) => `sites/${name}`)]);
  const ours = new Map<string, string>();
  for (const path of paths) {
    const text = await readFile(join(dir, path), 'utf8').catch((error: unknown) => {
      if (['ENOENT', 'EISDIR', 'ENOTDIR'].includes(codeOf(error))) return undefined;
      throw error;
    });
    if (text === undefined) continue;
    if (files.has(path) || text.slice(0, 400).includes(MARK)) ours.set(path, text);
  }
  return ours;
}
