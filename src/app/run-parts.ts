/** Parts that run side by side, and end together. */
import type { Log } from '../adapters/log.ts';
import { PortcullisError } from '../errors.ts';
import { pause } from './wait.ts';

/** Runs until `signal`, or until it has done its work. */
export type Part = (signal: AbortSignal) => Promise<void>;

export type PartsOptions = {
  readonly signal: AbortSignal;
  readonly log: Log;
  /** How long the others may take to end when one has failed, in milliseconds; default 5 000. */
  readonly limitMs?: number;
  /** Called once, when the first part fails. */
  readonly onFailure?: () => void;
};

/**
 * Runs until all parts have ended. One that fails ends all: half of a watch would look alive and be none.
 *
 * @throws {PortcullisError} `watch-failed`, naming the first part that failed
 */
export async function runParts(
  parts: Readonly<Record<string, Part>>,
  { signal, log, limitMs = 5_000, onFailure }: PartsOptions,
): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let first: PortcullisError | undefined;
  let tellFailed = (): void => {};
  const failed = new Promise<void>((resolve) => (tellFailed = resolve));
  const running = Object.entries(parts).map(async ([name, part]) => {
    try {
      await part(stop.signal);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const detail = cause instanceof Error ? cause.stack : undefined;
      log.error('part-failed', { part: name, reason, detail });
      first ??= new PortcullisError(
        'watch-failed',
        `the part "${name}" of watch failed (${reason}), so all of it ended; routes and firewall stay as they are: start it again`,
        { cause },
      );
      end();
      onFailure?.();
      tellFailed();
    }
  });
  const all = Promise.all(running);
  const settled = new AbortController();
  await Promise.race([all, failed.then(() => pause(limitMs, settled.signal))]);
  settled.abort();
  signal.removeEventListener('abort', end);
  if (first) throw first;
  await all;
}
