import { closest, distance } from 'fastest-levenshtein';

const MOST = 2;

/** The known name that is a slip or two from `name`; undefined where none is, or `name` is known itself. */
export function typoOf(name: string, known: readonly string[]): string | undefined {
  const asked = name.slice(0, 300);
  if (known.length === 0 || known.includes(asked)) return undefined;
  const best = closest(asked, [...known]);
  const slips = distance(asked, best);
  return slips <= MOST && slips * 3 <= asked.length ? best : undefined;
}
