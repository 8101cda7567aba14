import type { IptablesTable } from './iptables-rules.ts';

/**
 * The table for `iptables-restore --noflush`. Declaring a chain empties it inside the commit, so our
 * chains are replaced at once and nobody else's are touched.
 *
 * @param misplaced lines of chains that are not ours which jump to us and are not in first place, as
 *   `iptables -S` prints them
 * @param missing true for jumps that are to be put in first place
 */
export function iptablesText(
  { table, chains, jumps }: IptablesTable,
  { present, misplaced }: JumpState = NO_JUMPS,
): string {
  const wanted = jumps.filter(({ chain, to }) => !present.includes(jumpLine(chain, to)));
  return [
    `*${table}`,
    ...chains.map(({ name }) => `:${name} - [0:0]`),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${rule}`)),
    ...misplaced.map((line) => line.replace(/^-A /, '-D ')),
    ...wanted.map(({ chain, to }) => `-I ${chain} 1 -j ${to}`),
    'COMMIT',
    '',
  ].join('\n');
}

/** What chains that are not ours say about us now, in `iptables -S` lines. */
export type JumpState = {
  /** In first place and only there: to be left alone. */
  readonly present: readonly string[];
  /** To be taken out: a second copy, one that is not first, or one to a chain of an older version. */
  readonly misplaced: readonly string[];
};

export const NO_JUMPS: JumpState = { present: [], misplaced: [] };

export const jumpLine = (chain: string, to: string): string => `-A ${chain} -j ${to}`;

/** Takes every trace of us out of a table, in one commit; only lines that are there are named. */
export function iptablesRemoval(
  table: IptablesTable['table'],
  { jumps, chains }: { jumps: readonly string[]; chains: readonly string[] },
): string {
  return [
    `*${table}`,
    ...jumps.map((line) => line.replace(/^-A /, '-D ')),
    ...chains.map((name) => `-F ${name}`),
    ...chains.map((name) => `-X ${name}`),
    'COMMIT',
    '',
  ].join('\n');
}
