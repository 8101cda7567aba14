/** One pass after another, never two at once; a burst costs one more pass. */
import type { Log } from '../adapters/log.ts';
import { backoffDelay } from '../core/backoff.ts';
import { passDueAt, type Pending, type ScheduleSettings } from '../core/schedule.ts';
import type { PortcullisError } from '../errors.ts';
import { troubleOf } from './trouble.ts';
import { createBell } from './wait.ts';

export type LoopDeps = {
  readonly settings: ScheduleSettings;
  /** One pass. `reloaded` is called as the reload signal goes out. */
  readonly pass: (reloaded: () => void) => Promise<void>;
  /** When something is due without a trigger, as a lingering container; Infinity for never. */
  readonly nextTimedAt: () => number;
  /** A pass failed; it is tried again. */
  readonly onFailure: (error: PortcullisError) => void;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
};

export type ReconcileLoop = {
  trigger(): void;
  /** Runs until `signal` aborts; a pass under way is finished first. */
  run(signal: AbortSignal): Promise<void>;
};

export function createReconcileLoop(deps: LoopDeps): ReconcileLoop {
  const { settings, pass, nextTimedAt, now, random, log } = deps;
  const bell = createBell();
  let pending: Pending | undefined;
  let previousAt = -Infinity;
  let lastReloadAt = -Infinity;
  let failures = 0;
  let lastFailure = '';
  let retryAt = Infinity;

  const runPass = async (): Promise<void> => {
    pending = undefined;
    retryAt = Infinity;
    try {
      await pass(() => {
        lastReloadAt = now();
      });
      if (failures > 0) log.info('recovered', { failures });
      failures = 0;
      lastFailure = '';
    } catch (thrown) {
      const error = troubleOf(thrown);
      deps.onFailure(error);
      // Said once while it lasts: the same line every five seconds hides the next one.
      const fields = { code: error.code, reason: error.message, detail: error.detail };
      if (error.message === lastFailure) log.debug('pass-failed', fields);
      else log.error('pass-failed', fields);
      lastFailure = error.message;
      retryAt = now() + backoffDelay(failures, random());
      failures += 1;
    }
  };

  return {
    trigger() {
      const at = now();
      pending = pending ? { ...pending, lastAt: at } : { firstAt: at, lastAt: at, previousAt };
      previousAt = at;
      bell.ring();
    },
    async run(signal) {
      while (!signal.aborted) {
        const due = pending ? passDueAt(pending, lastReloadAt, settings) : Infinity;
        const at = Math.min(due, nextTimedAt(), retryAt);
        const wait = at - now();
        if (wait <= 0) await runPass();
        else await bell.wait(wait, signal);
      }
    },
  };
}
