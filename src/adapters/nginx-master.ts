/** The master process of an Nginx on this machine. */
import { access, readFile } from 'node:fs/promises';
import type { Run } from './run.ts';

export type Master = {
  readonly pid: number;
  /** What it was started with `-p`; undefined for the program's own. */
  readonly prefix: string | undefined;
  /** What it was started with `-c`; undefined for the program's own. */
  readonly config: string | undefined;
};

/** The master that a pid file names; undefined when the file is stale, empty or not there. */
export async function masterByPidFile(pidPath: string): Promise<Master | undefined> {
  const text = await readFile(pidPath, 'utf8').catch(() => '');
  return masterByPid(Number(text.trim()));
}

/** The master that systemd started, for an Nginx whose pid file is not where it says. */
export async function masterBySystemd(run: Run): Promise<Master | undefined> {
  try {
    await access('/run/systemd/system');
    const args = ['show', '--property=MainPID', '--value', 'nginx.service'];
    const { stdout } = await run('systemctl', args, { timeoutMs: 5_000 });
    return await masterByPid(Number(stdout.trim()));
  } catch {
    return undefined; // not booted with systemd
  }
}

/** A pid may be another program's by now: only a process titled as Nginx's master is signalled. */
async function masterByPid(pid: number): Promise<Master | undefined> {
  if (!Number.isInteger(pid) || pid < 1) return undefined; // 1: Nginx is first in its container
  const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!isMasterTitle(title)) return undefined;
  const words = title.replaceAll('\0', ' ').trim().split(/\s+/);
  const after = (option: string): string | undefined => words[words.indexOf(option) + 1];
  return {
    pid,
    prefix: words.includes('-p') ? after('-p') : undefined,
    config: words.includes('-c') ? after('-c') : undefined,
  };
}

export const isMasterTitle = (title: string): boolean => /^nginx: master\b/.test(title);
