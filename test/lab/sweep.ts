/**
 * Takes a lab away: processes, namespaces, mounts, control groups, files. It is told by its folder
 * alone, so that a lab whose owner was killed goes the same way. All of it is synchronous, because it
 * also runs when the process exits.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cgroupOf, inCgroup, removeCgroup } from './cgroup.ts';
import { isAlive } from './processes.ts';
import { findProgram } from './requirements.ts';

const FOLDER = /^portcullis-lab-(\d+)-(\w+)$/;
const NETNS = '/run/netns';

/** What `mkdtemp` gets: the owner's pid is part of the name. */
export const folderPrefix = (pid: number): string => `/tmp/portcullis-lab-${pid}-`;

/** The names of a lab's namespaces follow from its folder. */
export function namespacesOf(
  folder: string,
): Readonly<Record<'host' | 'outside' | 'second' | 'third', string>> {
  const [, pid = '', id = ''] = FOLDER.exec(basename(folder)) ?? [];
  if (id === '') throw new Error(`${folder} is not a lab's folder`);
  const [host = '', outside = '', second = '', third = ''] = ['h', 'o', 's', 't'].map(
    (letter) => `pc${pid}${id}${letter}`,
  );
  return { host, outside, second, third };
}

/** Takes away labs whose owner was killed. */
export function sweepLeftovers(): void {
  for (const name of readdirSync('/tmp')) {
    const owner = FOLDER.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) sweep(join('/tmp', name));
  }
}

export function sweep(folder: string): void {
  killProcesses(folder);
  for (const name of Object.values(namespacesOf(folder))) {
    if (inodeOf(join(NETNS, name)) !== undefined) command('ip', 'netns', 'del', name);
  }
  for (const point of mountsBelow(folder)) command('umount', '-l', point);
  removeCgroup(cgroupOf(folder));
  for (const socket of ['.', 'second', 'third'].flatMap((node) => shimSockets(join(folder, node))))
    rmSync(socket, { force: true });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

const command = (name: string, ...args: readonly string[]): void =>
  void spawnSync(findProgram(name) ?? name, args, { stdio: 'ignore', timeout: 10_000 });

/** SIGKILL to all of them at once, again and again: one of them may just be starting another. */
function killProcesses(folder: string): void {
  const deadline = performance.now() + 10_000;
  for (let pids = pidsOf(folder); pids.length > 0; pids = pidsOf(folder)) {
    if (performance.now() > deadline) {
      console.error(`these processes of the lab do not end: ${pids.join(' ')}`);
      return;
    }
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended meanwhile
      }
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

/** Pids of all that live in the lab's namespaces, run in its containers or name its folder. */
export function pidsOf(folder: string): readonly number[] {
  const namespaces = Object.values(namespacesOf(folder)).flatMap(
    (name) => inodeOf(join(NETNS, name)) ?? [],
  );
  const isOfLab = (pid: number): boolean =>
    inCgroup(pid, cgroupOf(folder)) ||
    namespaces.includes(inodeOf(`/proc/${pid}/ns/net`) ?? -1) ||
    commandLine(pid).includes(folder);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isOfLab(pid) && isAlive(pid));
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** The innermost first. */
export function mountsBelow(folder: string): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((point) => point.startsWith(`${folder}/`))
    .toReversed();
}

/** containerd's shims listen outside the state folder that they are given; each notes where. */
function shimSockets(folder: string): readonly string[] {
  const shims = join(folder, 'docker/containerd/state/io.containerd.runtime.v2.task/moby');
  try {
    return readdirSync(shims).flatMap((id) => {
      const address = readFileSync(join(shims, id, 'address'), 'utf8').trim();
      return address.startsWith('unix:///run/containerd/') ? address.slice('unix://'.length) : [];
    });
  } catch {
    return [];
  }
}
