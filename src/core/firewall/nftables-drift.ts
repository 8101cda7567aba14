import { canonicalWords, listDrift, MISSING, orderDrift, type Drift } from './drift.ts';

/** A table as nft prints it, taken apart. */
export type NftTable = {
  readonly flags: string;
  readonly sets: ReadonlyMap<
    string,
    { readonly type: string; readonly elements: readonly string[] }
  >;
  readonly chains: ReadonlyMap<string, readonly string[]>;
};

/**
 * Reads one `table … { … }` block, as `nft -s list table` prints it or as we write it. Counters,
 * handles, the order of elements and the spelling of priorities and addresses are evened out.
 */
export function parseNftTable(text: string): NftTable {
  const sets = new Map<string, { type: string; elements: readonly string[] }>();
  const chains = new Map<string, readonly string[]>();
  const body = text.slice(text.lastIndexOf('\ntable ') + 1);
  for (const [, kind, name = '', inside = ''] of body.matchAll(BLOCK)) {
    if (kind === 'chain') chains.set(name, inside.split('\n').map(plainRule).filter(Boolean));
    else sets.set(name, parseSet(inside));
  }
  return { flags: /^\tflags (.+)$/m.exec(body)?.[1]?.trim() ?? '', sets, chains };
}

const BLOCK = /^\t(set|map|chain) (\S+) \{[^\n]*\n(.*?)^\t\}/gms;

function parseSet(inside: string): { type: string; elements: readonly string[] } {
  const elements = /elements = \{(.*)\}/s.exec(inside)?.[1] ?? '';
  const head = inside.replace(/elements = \{.*\}/s, '');
  return {
    type: head.split('\n').map(plainRule).filter(Boolean).join('; '),
    elements: elements.split(',').map(plainElement).filter(Boolean).toSorted(),
  };
}

const plainElement = (text: string): string => canonicalWords(text.replaceAll(/\s+/g, ' ').trim());

/** Newer versions of nft write a limit's burst also where it is the default. */
const plainRule = (line: string): string =>
  line
    .replace(/ ?#(?: handle \d+| count \d+)?.*$/, '')
    .replaceAll(/counter packets \d+ bytes \d+/g, 'counter')
    .replaceAll(/ burst 5 packets/g, '')
    .replace(/priority (raw|mangle|filter|-?\d+)(?: ([+-]) (\d+))?;/, priority)
    .trim();

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0 };

function priority(_all: string, base: string, sign = '+', offset = '0'): string {
  const number = (PRIORITIES[base] ?? Number(base)) + Number(`${sign}${offset}`);
  return `priority ${number};`;
}

/** Compares tables; `found` undefined: there is none. */
export function nftDrift(expected: NftTable, found: NftTable | undefined): readonly Drift[] {
  const what = 'table inet portcullis';
  if (found === undefined) return [{ what, expected: 'present', found: MISSING }];
  const drift: Drift[] = [];
  if (found.flags.includes('dormant')) drift.push({ what, expected: 'active', found: 'dormant' });
  drift.push(...listDrift('sets', [...expected.sets.keys()], [...found.sets.keys()]));
  drift.push(...listDrift('chains', [...expected.chains.keys()], [...found.chains.keys()]));
  for (const [name, set] of expected.sets) {
    const there = found.sets.get(name);
    if (there === undefined) continue;
    if (set.type !== there.type) {
      drift.push({ what: `set ${name}`, expected: set.type, found: there.type });
    }
    drift.push(...listDrift(`set ${name}`, set.elements, there.elements));
  }
  return [...drift, ...nftRuleDrift(expected, found)];
}

/** The part that depends on how a version of nft spells rules. */
export const nftRuleDrift = (expected: NftTable, found: NftTable): readonly Drift[] =>
  [...expected.chains].flatMap(([name, rules]) => {
    const there = found.chains.get(name);
    return there === undefined ? [] : orderDrift(`chain ${name}`, rules, there);
  });
