import { canonicalWords, listDrift, MISSING, orderDrift, type Drift } from './drift.ts';
import type { IptablesTable } from './iptables-rules.ts';
import { CHAIN_PREFIX } from './iptables-tables.ts';
import { jumpLine, type JumpState } from './iptables-text.ts';

/** One table of `iptables-save`, as far as it concerns us. */
export type SavedTable = {
  readonly ours: ReadonlyMap<string, readonly string[]>;
  /** Chains that are not ours and their first rule, if they have one. */
  readonly first: ReadonlyMap<string, string | undefined>;
  /** Lines of chains that are not ours which lead to us, in order. */
  readonly jumps: readonly string[];
};

export function parseSavedTable(saved: string): SavedTable {
  const ours = new Map<string, string[]>();
  const first = new Map<string, string | undefined>();
  const jumps: string[] = [];
  for (const line of saved.split('\n')) {
    const declared = /^:(\S+) /.exec(line)?.[1];
    if (declared !== undefined) {
      if (declared.startsWith(CHAIN_PREFIX)) ours.set(declared, []);
      else first.set(declared, undefined);
      continue;
    }
    const [, chain, rule] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    if (chain === undefined || rule === undefined) continue;
    if (chain.startsWith(CHAIN_PREFIX)) {
      ours.get(chain)?.push(canonicalWords(rule));
      continue;
    }
    if (first.get(chain) === undefined) first.set(chain, line);
    if (TO_US.test(rule)) jumps.push(line);
  }
  return { ours, first, jumps };
}

const TO_US = new RegExp(`(?:^| )-[jg] ${CHAIN_PREFIX}`);

/** Which jumps may stay, and which lines have to go so that each is there once and first. */
export function jumpState({ jumps }: IptablesTable, saved: SavedTable): JumpState {
  const wanted = jumps.map(({ chain, to }) => jumpLine(chain, to));
  const present = wanted.filter((line) => saved.first.get(chainOf(line)) === line);
  const spare = [...present];
  const misplaced = saved.jumps.filter((line) => {
    const kept = spare.indexOf(line);
    if (kept === -1) return true;
    spare.splice(kept, 1);
    return false;
  });
  // -D takes the first copy, which may be the one in its place: then it is put back anew.
  const doubled = new Set(misplaced);
  return {
    present: present.filter((line) => !doubled.has(line)),
    misplaced: saved.jumps.filter((line) => doubled.has(line)),
  };
}

const chainOf = (line: string): string => line.split(' ')[1] ?? '';

export function iptablesDrift(table: IptablesTable, saved: SavedTable): readonly Drift[] {
  const name = `${table.family === 'v4' ? 'iptables' : 'ip6tables'} ${table.table}`;
  const expected = table.chains.map((chain) => chain.name);
  const { present, misplaced } = jumpState(table, saved);
  return [
    ...listDrift(`${name} chains`, expected, [...saved.ours.keys()]),
    ...table.chains.flatMap((chain) => {
      const found = saved.ours.get(chain.name);
      return found === undefined
        ? []
        : orderDrift(`${name} ${chain.name}`, chain.rules.map(canonicalWords), found);
    }),
    ...table.jumps
      .map(({ chain, to }) => ({ chain, line: jumpLine(chain, to) }))
      .filter(({ line }) => !present.includes(line))
      .map(({ chain, line }) => ({
        what: `${name} ${chain} rule 1`,
        expected: line,
        found:
          saved.first.get(chain) === line
            ? `${line}, more than once`
            : (saved.first.get(chain) ?? MISSING),
      })),
    ...misplaced
      .filter((line) => !table.jumps.some(({ chain, to }) => jumpLine(chain, to) === line))
      .map((line) => ({ what: `${name} jumps`, expected: 'nothing else', found: line })),
  ];
}
