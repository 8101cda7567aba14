/** Keeps one ruleset in the kernel: the only caller of its backend while it runs. */
import type { FirewallBackend } from '../adapters/firewall-backend.ts';
import type { Drift } from '../core/firewall/drift.ts';
import type { FirewallChange } from '../core/firewall/monitor-lines.ts';
import { nextRepair, NO_REPAIRS } from '../core/firewall/repair.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import type { PortcullisError } from '../errors.ts';
import { troubleOf } from './trouble.ts';
import { pause } from './wait.ts';

export type Repair = {
  readonly drift: readonly Drift[];
  /** Who did it, where that is known. */
  readonly by: Pick<FirewallChange, 'pid' | 'program'> | undefined;
  /** From hearing of it to having undone it. */
  readonly ms: number;
  /** True: something keeps undoing the firewall, and each repair now waits. */
  readonly alarm: boolean;
};

export type GuardDeps = {
  readonly backend: FirewallBackend;
  readonly now: () => number;
  readonly onRepair: (repair: Repair) => void;
  /** Drift could not be read or undone; it is tried again. */
  readonly onFailure: (error: PortcullisError) => void;
};

export type FirewallGuard = {
  /**
   * Makes it so. From then on it is what `look` compares with.
   *
   * @throws {PortcullisError} `firewall-rejected`; the ruleset before stays in force
   */
  apply(ruleset: Ruleset): Promise<void>;
  /** Compares the kernel with the last ruleset and repairs at once, or later where somebody fights it. */
  look(by?: FirewallChange): Promise<void>;
  /** Also looks every `everyMs`, until `signal`. */
  run(everyMs: number, signal: AbortSignal): Promise<void>;
  readonly repairs: () => number;
};

const RETRY_MS = 1_000;

export function createFirewallGuard({
  backend,
  now,
  onRepair,
  onFailure,
}: GuardDeps): FirewallGuard {
  let desired: Ruleset | undefined;
  let state = NO_REPAIRS;
  let repairs = 0;
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = false;
  let stopped = new AbortController().signal;

  /** One after the other: a repair must not answer half of an apply. */
  const alone = <T>(act: () => Promise<T>): Promise<T> => {
    const done = queue.then(act);
    queue = done.catch(() => {});
    return done;
  };

  const later = async (ms: number): Promise<void> => {
    if (waiting) return;
    waiting = true;
    await pause(ms, stopped);
    waiting = false;
    if (!stopped.aborted) await look();
  };

  /** A burst of changes costs the look under way and one more. */
  let nextLook: Promise<void> | undefined;
  const look = (by?: FirewallChange): Promise<void> => (nextLook ??= lookOnce(by, now()));

  const lookOnce = async (by: FirewallChange | undefined, heardAt: number): Promise<void> => {
    const againMs = await alone(async () => {
      nextLook = undefined;
      if (desired === undefined || stopped.aborted) return undefined;
      try {
        return await compare(desired, { by, heardAt });
      } catch (error) {
        onFailure(troubleOf(error));
        return RETRY_MS;
      }
    });
    if (againMs !== undefined) void later(againMs);
  };

  /** When to look again, if there is drift that has to wait. */
  const compare = async (
    ruleset: Ruleset,
    { by, heardAt }: { by: FirewallChange | undefined; heardAt: number },
  ): Promise<number | undefined> => {
    const drift = await backend.drift(ruleset);
    if (drift.length === 0) return undefined;
    const step = nextRepair(state, now());
    state = step.state;
    if (step.action.kind === 'wait') return step.action.ms;
    await backend.apply(ruleset);
    repairs++;
    const known = by?.pid === undefined ? undefined : { pid: by.pid, program: by.program };
    onRepair({ drift, by: known, ms: now() - heardAt, alarm: step.action.alarm });
    return undefined;
  };

  return {
    apply: (ruleset) =>
      alone(async () => {
        await backend.apply(ruleset, desired);
        desired = ruleset;
      }),
    look,
    async run(everyMs, signal) {
      stopped = signal;
      while (!signal.aborted) {
        await pause(everyMs, signal);
        if (!signal.aborted) await look();
      }
      await queue;
    },
    repairs: () => repairs,
  };
}
