/** When to undo what another program did to the firewall: at once, but not for ever against one that answers. */

export type RepairState = {
  /** When the last repairs were, in milliseconds of any clock that only goes forward. */
  readonly repairs: readonly number[];
  /** 0: no fight. */
  readonly backoffMs: number;
};

export type RepairStep = {
  readonly state: RepairState;
  readonly action:
    | {
        readonly kind: 'repair';
        /** True where a person must hear of it: something keeps undoing the firewall. */
        readonly alarm: boolean;
      }
    | { readonly kind: 'wait'; readonly ms: number };
};

export const NO_REPAIRS: RepairState = { repairs: [], backoffMs: 0 };

const MOST_REPAIRS = 20;
const WINDOW_MS = 10_000;
const FIRST_BACKOFF_MS = 250;
/** Each wait is a time in which the firewall may stand open. */
const MOST_BACKOFF_MS = 2_000;
/** As long as this without drift after a backoff, and the fight is over. */
const CALM_MS = 60_000;

/**
 * What to do about drift that is there now. After more than 20 repairs within 10 s each further one
 * waits, 250 ms at first, then twice as long each time up to 2 s, and is an alarm; a minute without
 * drift ends that. A wait is to be followed by a new look, not by a repair.
 */
export function nextRepair(state: RepairState, nowMs: number): RepairStep {
  const last = state.repairs.at(-1) ?? -Infinity;
  const calm = nowMs - last > state.backoffMs + CALM_MS;
  const recent = calm ? [] : state.repairs.filter((at) => nowMs - at < WINDOW_MS);
  const fight = !calm && state.backoffMs > 0;
  if (!fight && recent.length < MOST_REPAIRS) {
    return {
      state: { repairs: [...recent, nowMs], backoffMs: 0 },
      action: { kind: 'repair', alarm: false },
    };
  }
  const backoffMs = fight ? state.backoffMs : FIRST_BACKOFF_MS;
  const waitMs = last + backoffMs - nowMs;
  if (waitMs > 0) {
    return { state: { ...state, backoffMs }, action: { kind: 'wait', ms: waitMs } };
  }
  return {
    state: { repairs: [nowMs], backoffMs: Math.min(backoffMs * 2, MOST_BACKOFF_MS) },
    action: { kind: 'repair', alarm: true },
  };
}
