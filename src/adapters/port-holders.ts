import { readdir, readFile, readlink } from 'node:fs/promises';
import type { PortHolder } from '../core/doctor/host-checks.ts';
import { readListeners } from './listeners.ts';

/** The processes that listen on one of these TCP ports; those of other users only for root. */
export async function holdersOf(ports: readonly number[]): Promise<readonly PortHolder[]> {
  const sockets = (await readListeners()).filter(
    ({ protocol, port }) => protocol === 'tcp' && ports.includes(port),
  );
  if (sockets.length === 0) return [];
  const portOf = new Map(sockets.map(({ inode, port }) => [`socket:[${inode}]`, port]));
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const fds = await readdir(`/proc/${pid}/fd`).catch(() => []); // ended meanwhile
      const links = await Promise.all(
        fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
      );
      const held = new Set(links.flatMap((link) => portOf.get(link) ?? []));
      if (held.size === 0) return [];
      const program = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
      return [...held].map((port): PortHolder => ({ port, pid: Number(pid), program }));
    }),
  );
  return found.flat();
}
