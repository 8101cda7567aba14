/** Waits, or returns early when `signal` aborts. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return createBell().wait(ms, signal);
}

/** A bell: `ring` ends the present or the next `wait`. */
export type Bell = {
  ring(): void;
  /** Ends at a ring, after `ms`, or when `signal` aborts. Never rejects. One at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
};

/** Longer delays make Node's timers fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

export function createBell(): Bell {
  let rung = false;
  let wake = (): void => {};
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(() => wake(), Math.min(Math.max(ms, 0), LONGEST_MS));
          wake = () => {
            clearTimeout(timer);
            signal.removeEventListener('abort', wake);
            wake = () => {};
            resolve();
          };
          signal.addEventListener('abort', wake, { once: true });
        });
      }
      rung = false;
    },
  };
}
