/** Containers of a lab have a control group of their own: their processes can be told by it. */
import { readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** Name of the group below which the engines of the lab in `folder`, or above it, put their containers. */
export const cgroupOf = (folder: string): string =>
  /portcullis-lab-\d+-\w+/.exec(folder)?.[0] ?? basename(folder);

export function inCgroup(pid: number, name: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${name}/`);
  } catch {
    return false; // ended meanwhile
  }
}

/** Takes away the empty groups that engines leave when they are killed: in cgroup v1 one a hierarchy. */
export function removeCgroup(name: string): void {
  for (const hierarchy of ['', ...foldersIn(ROOT)]) removeFolders(join(ROOT, hierarchy, name));
}

function removeFolders(folder: string): void {
  for (const name of foldersIn(folder)) removeFolders(join(folder, name));
  try {
    rmdirSync(folder);
  } catch {
    // not there, or held by a process that is just ending
  }
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
