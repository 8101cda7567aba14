/** When the next pass may begin. All times are milliseconds of one steady clock. */

export type ScheduleSettings = {
  /** A burst is over when nothing has come for this long. */
  readonly debounce: number;
  /** A burst that never ends is applied after this long. */
  readonly max_wait: number;
  readonly min_reload_interval: number;
};

export type Pending = {
  readonly firstAt: number;
  readonly lastAt: number;
  /** When the trigger before this burst came; -Infinity when there was none. */
  readonly previousAt: number;
};

/**
 * A lone trigger is due at once. One that follows another within `debounce` waits until the burst
 * pauses, at most `max_wait`. Reloads keep their distance in either case.
 */
export function passDueAt(
  { firstAt, lastAt, previousAt }: Pending,
  lastReloadAt: number,
  { debounce, max_wait, min_reload_interval }: ScheduleSettings,
): number {
  const lone = firstAt === lastAt && firstAt - previousAt > debounce;
  const wanted = lone ? firstAt : Math.min(lastAt + debounce, firstAt + max_wait);
  return Math.max(wanted, lastReloadAt + min_reload_interval);
}
