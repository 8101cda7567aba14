/** Which containers end, or turn unhealthy, over and over. All times are milliseconds of one steady clock. */

const MOST_ENDS = 5;
const WINDOW_MS = 60_000;
/** Docker's own restart policy waits a minute at most, so one that still fails ends more often than this. */
const CALM_MS = 180_000;

type Ended = {
  readonly id: string;
  readonly name: string;
  /** By the engine's clock: the same twice is one event told twice. */
  readonly timeNano: number;
};

type Ends = {
  readonly ids: Set<string>;
  readonly times: number[];
  readonly timeNano: number;
};

/** A container is known by its name: one that is removed and made again is another id each time. */
export class Flapping {
  readonly #ends = new Map<string, Ends>();
  readonly #named = new Map<string, ReadonlySet<string>>();

  /** Takes in that a container ended or turned unhealthy. Says so when it is the one that makes it flap. */
  ended(
    { id, name, timeNano }: Ended,
    now: number,
  ): { readonly name: string; readonly ends: number; readonly seconds: number } | undefined {
    const before = this.#ends.get(name) ?? { ids: new Set(), times: [], timeNano: -1 };
    if (before.timeNano === timeNano) return undefined;
    const { ids, times } = before;
    this.#ends.set(name, { ids, times, timeNano });
    ids.add(id);
    times.push(now);
    if (times.length > MOST_ENDS) times.shift();
    if (ids.size > MOST_ENDS)
      for (const oldest of [...ids].slice(0, -MOST_ENDS)) ids.delete(oldest);
    const first = times[0] ?? now;
    if (this.#named.has(name) || times.length < MOST_ENDS || now - first > WINDOW_MS) {
      return undefined;
    }
    this.#named.set(name, ids);
    return { name, ends: MOST_ENDS, seconds: Math.ceil((now - first) / 1_000) };
  }

  /** Is this the id of one that flaps? */
  has(id: string): boolean {
    for (const ids of this.#named.values()) if (ids.has(id)) return true;
    return false;
  }

  /** Sorted. */
  get names(): readonly string[] {
    return [...this.#named.keys()].toSorted();
  }

  /** Forgets what is long ago, and tells who flaps no more. */
  calmed(now: number): readonly string[] {
    const calm: string[] = [];
    for (const [name, { times }] of this.#ends) {
      if (now - (times.at(-1) ?? 0) <= CALM_MS) continue;
      this.#ends.delete(name);
      if (this.#named.delete(name)) calm.push(name);
    }
    return calm;
  }
}
