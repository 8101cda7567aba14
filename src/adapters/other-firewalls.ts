import { readdir, readFile } from 'node:fs/promises';
import { runIfThere } from './iptables-commands.ts';
import type { Run } from './run.ts';

/** Names of the other firewalls that are active on this host, seen without systemd. */
export async function otherFirewalls(run: Run): Promise<readonly string[]> {
  const [ufw, firewalld] = await Promise.all([ufwIsActive(run), runs('firewalld')]);
  return [...(ufw ? ['ufw'] : []), ...(firewalld ? ['firewalld'] : [])];
}

/** Its settings say that it starts at boot; its chains, that it is loaded now. */
async function ufwIsActive(run: Run): Promise<boolean> {
  const text = await readFile('/etc/ufw/ufw.conf', 'utf8').catch(() => '');
  if (/^\s*ENABLED\s*=\s*["']?yes/im.test(text)) return true;
  const chain = ['-t', 'filter', '-S', 'ufw-user-input'];
  return (await runIfThere(run, 'iptables-nft', chain))?.code === 0;
}

async function runs(program: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const titles = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  // A script: its title begins with the interpreter.
  return titles.some((title) =>
    title
      .split('\0')
      .slice(0, 3)
      .some((word) => word.split('/').at(-1) === program),
  );
}
