import { setMaxListeners } from 'node:events';

/** A call that took longer than its limit. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * Runs `act` with a signal that aborts with `signal`, or after `ms`. Made by hand: AbortSignal.any()
 * keeps what it made as long as its longest-lived source, which in a daemon is for ever.
 *
 * @throws {DeadlineError} after `ms`, also when `act` does not heed its signal
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let stop = (): void => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    const end = (reason: Error): void => {
      controller.abort(reason);
      reject(reason);
    };
    const onAbort = (): void => end(new DOMException('aborted', 'AbortError'));
    const timer = setTimeout(() => end(new DeadlineError(`no answer within ${ms / 1000} s`)), ms);
    setMaxListeners(0, signal); // many calls at once are no leak
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([act(controller.signal), stopped]);
  } finally {
    stop();
  }
}
