/**
 * Milliseconds to wait before attempt `attempt`: 250, 500, 1000 … up to 5 000.
 *
 * @param attempt counted from 0
 * @param random from 0 (inclusive) to 1 (exclusive); spreads the wait over its upper half, so that
 *   many hosts do not return to one Docker API at the same moment
 * @throws {RangeError} if `attempt` is negative or not an integer
 */
export function backoffDelay(attempt: number, random: number): number {
  if (!Number.isInteger(attempt) || attempt < 0) {
    throw new RangeError(`attempt must be 0 or more, got ${attempt}`);
  }
  const ceiling = Math.min(250 * 2 ** Math.min(attempt, 20), 5_000);
  return Math.round(ceiling * (0.5 + random / 2));
}
