import { readFile } from 'node:fs/promises';
import type { Reload } from './nginx-control.ts';

/** Pids of the workers of an Nginx master. */
export type Workers = {
  readonly accepting: readonly number[];
  /** Those that only finish what they began before a reload. */
  readonly old: readonly number[];
};

export const NO_WORKERS: Workers = { accepting: [], old: [] };

/** Nothing where the kernel does not tell a process's children. */
export async function workersOf(master: number): Promise<Workers> {
  const path = `/proc/${master}/task/${master}/children`;
  const children = await readFile(path, 'utf8').catch(() => '');
  const pids = children.split(' ').flatMap((text) => (text.trim() === '' ? [] : [Number(text)]));
  return workersAmong(
    await Promise.all(
      pids.map(async (pid) => ({
        pid,
        title: await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''),
      })),
    ),
  );
}

/** A worker's title says "is shutting down" from a reload on. (ngx_process_cycle.c, ngx_setproctitle) */
export function workersAmong(
  processes: readonly { readonly pid: number; readonly title: string }[],
): Workers {
  const workers = processes.filter(({ title }) => title.startsWith('nginx: worker process'));
  const isOld = ({ title }: { title: string }): boolean => title.includes('shutting down');
  return {
    accepting: workers.filter((each) => !isOld(each)).map(({ pid }) => pid),
    old: workers.filter(isOld).map(({ pid }) => pid),
  };
}

/** Watches the workers that accept now: does one of them still? Does anybody? */
export async function watchWorkers(workers: () => Promise<Workers>): Promise<Reload> {
  const { accepting: before } = await workers();
  return {
    async oldWorkersAccept() {
      const now = new Set((await workers()).accepting);
      return before.some((worker) => now.has(worker));
    },
    async nobodyAccepts() {
      return before.length > 0 && (await workers()).accepting.length === 0;
    },
  };
}
