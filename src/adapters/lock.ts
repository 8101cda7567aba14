import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors.ts';
import { codeOf, makeFolder, unwritable } from './atomic-file.ts';

/** In nginx.dir; empty. It stays, and means nothing by being there. */
export const LOCK_FILE = 'lock';

/** Somebody may only have looked whether it is taken, or be ending this moment. */
const TRIES = 6;
const BETWEEN_TRIES_MS = 100;

export type Lock = {
  /**
   * Makes this process the only one that writes to the folder. True: it was not, up to now; the folder
   * may be another than before.
   *
   * @throws {PortcullisError} `already-running`, or `files-unwritable`
   */
  hold(): Promise<boolean>;
  /** Ours, and still in the folder that is there now. */
  isHeld(): boolean;
  release(): void;
};

/**
 * The lock on `dir`: flock(2) on a file in it that only those can open who may write to the folder.
 * It belongs to the folder itself, whatever namespaces and paths its users see it by, and the kernel
 * frees it with the process that holds it, so none is ever stale. Node has no call for it, but a lock
 * belongs to the open file and not to the process: flock(1) takes it on a file that it inherits.
 */
export function openLock(dir: string): Lock {
  const path = join(dir, LOCK_FILE);
  let held: number | undefined;
  const release = (): void => {
    if (held !== undefined) closeSync(held);
    held = undefined;
  };
  const isHeld = (): boolean => held !== undefined && isAt(path, held);
  return {
    isHeld,
    release,
    async hold() {
      if (isHeld()) return false;
      release();
      for (let left = TRIES; left > 0; left--) {
        if (left < TRIES) await delay(BETWEEN_TRIES_MS);
        held = await take(dir, path);
        if (held !== undefined) return true;
      }
      throw new PortcullisError(
        'already-running',
        `another Portcullis is at work on ${dir}: a running "portcullis watch" keeps it up to date by itself; stop that one first`,
      );
    },
  };
}

/** Is a Portcullis at work on `dir`? Asking keeps nobody out. */
export async function isLocked(dir: string): Promise<boolean> {
  let file: number;
  try {
    file = openSync(join(dir, LOCK_FILE), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    return !(await flock(file, '-s'));
  } finally {
    closeSync(file);
  }
}

/** Undefined where somebody else has it. */
async function take(dir: string, path: string): Promise<number | undefined> {
  await makeFolder(dir);
  const file = open(path);
  let taken = false;
  try {
    // Between opening and locking the file may have been removed, and made anew by another.
    taken = (await flock(file, '-x')) && isAt(path, file);
    if (taken) leaveToWritersOf(dir, file);
  } finally {
    if (!taken) closeSync(file);
  }
  return taken ? file : undefined;
}

/** Not for writing: that would keep the file system from being made read-only, and fail on one that is. */
function open(path: string): number {
  const { O_CREAT, O_NOFOLLOW, O_RDONLY } = constants;
  try {
    return openSync(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function isAt(path: string, file: number): boolean {
  const [here, there] = [fstatSync(file), statSync(path, { throwIfNoEntry: false })];
  return there !== undefined && here.ino === there.ino && here.dev === there.dev;
}

/** Who may write into the folder could replace the file as well; nobody else may open it. */
function leaveToWritersOf(dir: string, file: number): void {
  try {
    const [folder, now] = [statSync(dir), fstatSync(file)];
    const writers = folder.mode & 0o222;
    const mode = writers | (writers << 1);
    if ((now.mode & 0o777) !== mode) fchmodSync(file, mode);
    if (now.uid !== folder.uid || now.gid !== folder.gid) fchownSync(file, folder.uid, folder.gid);
  } catch {
    // not its owner, or a read-only file system: it stays as it was made
  }
}

/** Takes the lock of an open file, exclusive or shared; false where it is taken already. */
function flock(file: number, kind: '-x' | '-s'): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(
        new PortcullisError(
          'files-unwritable',
          `cannot lock the folder of Nginx files: ${why}; the program flock is in the package util-linux, and the file system must know flock(2)`,
        ),
      );
    const child = spawn('flock', ['-n', kind, '3'], { stdio: ['pipe', 'pipe', 'pipe', file] });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      if (code === 0) resolve(true);
      else if (code === 1 && said === '') resolve(false);
      else fail(said.trim() || `flock ended with ${code}`);
    });
  });
}
