import { canonicalNetwork } from './addresses.ts';

/** One difference between what should be in the kernel and what is. */
export type Drift = { readonly what: string; readonly expected: string; readonly found: string };

export const MISSING = 'missing';
export const NOTHING_ELSE = 'nothing else';

/** Lists what `expected` has and `found` lacks, and the other way round; order means nothing. */
export function listDrift(
  what: string,
  expected: readonly string[],
  found: readonly string[],
): readonly Drift[] {
  const wanted = new Set(expected);
  const there = new Set(found);
  return [
    ...expected
      .filter((each) => !there.has(each))
      .map((each) => ({ what, expected: each, found: MISSING })),
    ...found
      .filter((each) => !wanted.has(each))
      .map((each) => ({ what, expected: NOTHING_ELSE, found: each })),
  ];
}

/** Compares rules line by line: their order decides, so the first line that differs tells it all. */
export function orderDrift(
  what: string,
  expected: readonly string[],
  found: readonly string[],
): readonly Drift[] {
  const length = Math.max(expected.length, found.length);
  for (let index = 0; index < length; index++) {
    const [wanted, there] = [expected[index], found[index]];
    if (wanted === there) continue;
    return [
      {
        what: `${what} rule ${index + 1}`,
        expected: wanted ?? NOTHING_ELSE,
        found: there ?? MISSING,
      },
    ];
  }
  return [];
}

/** One spelling for every address in a rule or an element: tools differ in how they shorten IPv6. */
export const canonicalWords = (text: string): string =>
  text
    .split(' ')
    .map((word) => {
      const [address = '', bits] = /^([0-9a-fA-F.:]+)(?:\/(\d+))?$/.exec(word)?.slice(1) ?? [];
      if (!/[.:]/.test(address)) return word;
      return canonicalNetwork(bits === undefined ? address : word) ?? word;
    })
    .join(' ');
