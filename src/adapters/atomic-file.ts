import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import {
  access,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  type FileHandle,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { PortcullisError } from '../errors.ts';

/**
 * Writes a file so that a reader sees the old text or the new, whole, also after a power cut:
 * temporary file, fsync, rename.
 *
 * @param options without `sync` a power cut may leave the file empty: for what can be missed; `like`:
 *   whose owner and mode it gets
 * @throws {PortcullisError} `files-unwritable`
 */
export async function writeAtomically(
  path: string,
  text: string | Buffer,
  { sync = true, like }: { readonly sync?: boolean; readonly like?: Stats } = {},
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await openAnew(temporary);
    try {
      if (like) {
        await file.chmod(like.mode);
        await file.chown(like.uid, like.gid);
      }
      await file.writeFile(text);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, cause);
  }
}

/** Writes through no link, and waits at no pipe, that somebody else put there; a crash leaves a file. */
async function openAnew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o644);
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause;
    await rm(path);
    return open(path, 'wx', 0o644);
  }
}

export type Encoded = { readonly text: string; readonly encoding: 'utf8' | 'latin1' };

/** Somebody else's file, which comes back byte for byte: what is no UTF-8 has a character for each byte. */
export async function readEncoded(path: string): Promise<Encoded> {
  const bytes = await readFile(path);
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
  return { text: bytes.toString(encoding), encoding };
}

/**
 * Replaces a file of somebody else's: owner and mode stay, and a link to it stays a link.
 *
 * @throws {PortcullisError} `files-unwritable`
 */
export async function replaceFile(path: string, { text, encoding }: Encoded): Promise<void> {
  let file: { readonly real: string; readonly like: Stats };
  try {
    const real = await realpath(path);
    file = { real, like: await stat(real) };
  } catch (cause) {
    throw unwritable(path, cause);
  }
  await writeAtomically(file.real, Buffer.from(text, encoding), { like: file.like });
  await syncFolder(dirname(file.real));
}

/**
 * Makes a folder and those above it. (Node's own `recursive` never ends below /proc, where a folder that
 * is there says ENOENT to a new one.)
 *
 * @throws {PortcullisError} `files-unwritable`
 */
export async function makeFolder(path: string): Promise<void> {
  const code = await madeOrWhyNot(path);
  if (code === undefined) return;
  const above = dirname(path);
  if (code === 'ENOENT' && !(await isThere(above))) {
    await makeFolder(above);
    if ((await madeOrWhyNot(path)) === undefined) return;
  }
  throw unwritable(path, Object.assign(new Error(code), { code }));
}

/** Undefined where the folder is there afterwards, else the code of the error. */
async function madeOrWhyNot(path: string): Promise<string | undefined> {
  try {
    await mkdir(path, { mode: 0o755 });
    return undefined;
  } catch (cause) {
    const code = codeOf(cause);
    return code === 'EEXIST' ? undefined : code;
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Makes renames and creations in `path` last over a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'run as root, or give this user the right to write there',
  EPERM: 'run as root, or give this user the right to write there',
  EROFS: 'the file system is read-only: mount it for writing',
  ENOSPC: 'the disk is full, or has no inodes left: free some',
  EDQUOT: 'the disk quota is used up: free some',
  ELOOP: 'a link is in its place: remove it',
  ENOTDIR: 'a file is where a folder must be: move it away, or choose another folder',
  ENOENT: 'the folder is gone: it is made anew at the next try',
};

/** What a person can do about a file that cannot be written, by the code of the error. */
export const adviceOn = (code: string): string => ADVICE[code] ?? 'nothing was changed';

export function unwritable(path: string, cause: unknown): PortcullisError {
  const code = codeOf(cause);
  return new PortcullisError(
    'files-unwritable',
    `cannot write ${path} (${code}): ${adviceOn(code)}; what was live stays live`,
    { cause },
  );
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

export const folderOf = (path: string): string => dirname(path);
