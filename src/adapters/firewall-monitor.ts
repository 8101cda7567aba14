import { createHash } from 'node:crypto';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { FAMILIES } from '../core/firewall/addresses.ts';
import {
  concerns,
  monitorLines,
  UNKNOWN_CHANGE,
  type FirewallChange,
} from '../core/firewall/monitor-lines.ts';
import { iptablesCommand, legacyTables, runIfThere } from './iptables-commands.ts';
import type { Run } from './run.ts';

export type StartMonitor = (
  command: string,
  args: readonly string[],
) => ChildProcessByStdio<null, Readable, null>;

export type FirewallMonitor = {
  readonly run: Run;
  /** Starts a program in the namespace of the firewall, standard output piped. */
  readonly start: StartMonitor;
  /** Tables by nft's name, as `FirewallBackend.watches` says. */
  readonly tables: readonly string[];
  /** Also ask the tables of iptables-legacy every so often, which `nft monitor` does not see. */
  readonly legacyPollMs?: number;
  /** Processes of our own: what they change is no news. */
  readonly isOwn: (pid: number) => boolean;
  /**
   * Somebody touched our tables, or may have. A reason to look, no proof of drift: compare before
   * acting, or a repair answers itself.
   */
  readonly onChange: (change: FirewallChange) => void;
  readonly signal: AbortSignal;
};

const FIRST_RESTART_MS = 25;
const MOST_RESTART_MS = 10_000;
/** `nft monitor` does not say when it listens; what happens before is found by looking again. */
const LISTENS_AFTER_MS = [100, 400, 1_500];

/** Watches until `signal`; then every child has ended. Never rejects. */
export async function monitorFirewall(options: FirewallMonitor): Promise<void> {
  const watches = [watchNft(options)];
  if (options.legacyPollMs !== undefined) watches.push(pollLegacy(options, options.legacyPollMs));
  await Promise.all(watches);
}

async function watchNft(options: FirewallMonitor): Promise<void> {
  const { onChange, signal } = options;
  let restartMs = FIRST_RESTART_MS;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const ended = new AbortController();
    const looks = lookWhileStarting(options, AbortSignal.any([signal, ended.signal]));
    await oneMonitor(options);
    ended.abort();
    await looks;
    if (signal.aborted) return;
    // It may have ended over the very change that matters.
    onChange(UNKNOWN_CHANGE);
    const lasted = performance.now() - startedAt > MOST_RESTART_MS;
    restartMs = lasted ? FIRST_RESTART_MS : Math.min(restartMs * 2, MOST_RESTART_MS);
    await pause(restartMs, signal);
  }
}

async function lookWhileStarting(
  { onChange }: FirewallMonitor,
  signal: AbortSignal,
): Promise<void> {
  for (const ms of LISTENS_AFTER_MS) {
    if (!(await pause(ms, signal))) return;
    onChange(UNKNOWN_CHANGE);
  }
}

/**
 * Ends when `nft monitor` does: it is not installed, was killed, or it crashed: version 1.0.6
 * does so sooner or later if rules are replaced in the moment it starts.
 */
async function oneMonitor({
  start,
  tables,
  isOwn,
  onChange,
  signal,
}: FirewallMonitor): Promise<void> {
  // Not "monitor ruleset": that leaves out the lines which say whose commit it was.
  const child = start('nft', ['monitor']);
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  // Without file descriptors there is no child, and no stream either.
  if (child.pid === undefined) return ended;
  const next = monitorLines();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const change = next(line);
    if (change === undefined || signal.aborted) return;
    if (change.pid !== undefined && isOwn(change.pid)) return;
    if (concerns(change, tables)) onChange(change);
  });
  if (signal.aborted) stop();
  await ended;
  signal.removeEventListener('abort', stop);
}

async function pollLegacy(options: FirewallMonitor, everyMs: number): Promise<void> {
  const { run, onChange, signal } = options;
  let before: string | undefined;
  do {
    const now = await legacyState(run);
    if (now !== before) onChange(UNKNOWN_CHANGE);
    before = now;
  } while (await pause(everyMs, signal));
}

/** A hash of all legacy tables that the kernel holds, without counters. */
async function legacyState(run: Run): Promise<string> {
  const hash = createHash('sha256');
  for (const family of FAMILIES) {
    for (const table of await legacyTables(run, family)) {
      const saved = await runIfThere(run, iptablesCommand(family, 'legacy', 'save'), ['-t', table]);
      hash.update((saved?.stdout ?? '').replaceAll(/^#.*$|\[\d+:\d+\]/gm, ''));
    }
  }
  return hash.digest('hex');
}

/** False if `signal` came first. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await wait(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
