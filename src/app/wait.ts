import { setTimeout as delay } from 'node:timers/promises';

/** Waits, or returns early when `signal` aborts. Never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Node clamps longer delays to 1 ms.
  await delay(Math.min(Math.max(ms, 0), 2 ** 31 - 1), undefined, { signal }).catch(() => {});
}

/** A bell: `ring` ends the present or the next `wait`. */
export type Bell = {
  ring(): void;
  /** Ends at a ring, after `ms`, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
};

export function createBell(): Bell {
  let rung = false;
  let wake = new AbortController();
  return {
    ring() {
      rung = true;
      wake.abort();
    },
    async wait(ms, signal) {
      if (!rung) {
        wake = new AbortController();
        await pause(ms, AbortSignal.any([signal, wake.signal]));
      }
      rung = false;
    },
  };
}
