/** systemd, where it is the host's first process. */
import { stat } from 'node:fs/promises';
import { PortcullisError } from '../errors.ts';
import { run as plainRun, type Run } from './run.ts';

export type Systemd = {
  readonly run: Run;
  /** There only where systemd runs. */
  readonly runtimeDir: string;
  readonly unitDir: string;
  /** Where packages put their units. */
  readonly vendorDir: string;
};

export const SYSTEMD: Systemd = {
  run: plainRun,
  runtimeDir: '/run/systemd/system',
  unitDir: '/etc/systemd/system',
  vendorDir: '/usr/lib/systemd/system',
};

export const runsSystemd = ({ runtimeDir }: Systemd): Promise<boolean> => isThere(runtimeDir);

export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** @throws {PortcullisError} `systemd-failed`, which says what follows from that */
export async function systemctl(
  { run }: Systemd,
  args: readonly string[],
  consequence: string,
): Promise<void> {
  const { code, stderr } = await run('systemctl', args);
  if (code === 0) return;
  const message = `systemctl ${args.join(' ')} failed; ${consequence}`;
  throw new PortcullisError('systemd-failed', message, { detail: stderr });
}

/** Asks `is-enabled` or `is-active`. */
export async function unitIs(
  { run }: Systemd,
  question: 'is-enabled' | 'is-active',
  unit: string,
): Promise<boolean> {
  return (await run('systemctl', ['--quiet', question, unit], { timeoutMs: 4_000 })).code === 0;
}
