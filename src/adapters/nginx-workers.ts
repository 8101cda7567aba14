import { readFile } from 'node:fs/promises';
import type { Reload } from './nginx-control.ts';

/**
 * Pids of the workers of an Nginx master that accept connections: not those that only finish what
 * they began, whose title says "is shutting down". (ngx_process_cycle.c, ngx_setproctitle)
 */
export async function acceptingWorkers(master: number): Promise<readonly number[]> {
  const path = `/proc/${master}/task/${master}/children`;
  const children = await readFile(path, 'utf8').catch(() => '');
  const pids = children.split(' ').flatMap((text) => (text.trim() === '' ? [] : [Number(text)]));
  const titles = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  );
  return pids.filter((_pid, index) => isAccepting(titles[index] ?? ''));
}

export const isAccepting = (title: string): boolean =>
  title.startsWith('nginx: worker process') && !title.includes('shutting down');

/** Watches the workers that accept now: does one of them still? */
export async function watchWorkers(accepting: () => Promise<readonly number[]>): Promise<Reload> {
  const before = await accepting();
  return {
    async oldWorkersAccept() {
      const now = new Set(await accepting());
      return before.some((worker) => now.has(worker));
    },
  };
}
