import type { Family } from '../core/firewall/addresses.ts';
import type { Drift } from '../core/firewall/drift.ts';
import { iptablesDrift, jumpState, parseSavedTable } from '../core/firewall/iptables-drift.ts';
import type { IptablesTable } from '../core/firewall/iptables-rules.ts';
import { iptablesRemoval, iptablesText } from '../core/firewall/iptables-text.ts';
import { mangleTables } from '../core/firewall/iptables-tables.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import { COMMON_GAPS, type FirewallBackend } from './firewall-backend.ts';
import {
  legacyTables,
  restoreTable,
  saveTable,
  type IptablesVariant,
} from './iptables-commands.ts';
import type { Run } from './run.ts';

export type IptablesOptions = {
  readonly variant: IptablesVariant;
  /** Families that the kernel and the commands have; the others are left alone. */
  readonly families: readonly Family[];
  readonly gaps?: readonly string[];
};

/** The table mangle: see `mangleTables`. */
export const iptablesBackend = (run: Run, options: IptablesOptions): FirewallBackend => ({
  kind: 'iptables',
  ...iptablesTables(run, 'mangle', options, (ruleset) => Promise.resolve(mangleTables(ruleset))),
  show: (ruleset) => shown(mangleTables(ruleset), options),
  gaps: [
    ...(options.gaps ?? []),
    'between removing and repairing: "iptables -t mangle -F" opens it until it is seen',
    ...COMMON_GAPS,
  ],
});

export const shown = (
  tables: readonly IptablesTable[],
  { families }: Pick<IptablesOptions, 'families'>,
): string =>
  tables
    .filter(({ family }) => families.includes(family))
    .map(
      (each) =>
        `# ${each.family === 'v4' ? 'iptables' : 'ip6tables'}-restore --noflush\n${iptablesText(each)}`,
    )
    .join('');

/** What both iptables backends do with their tables. */
export function iptablesTables(
  run: Run,
  table: IptablesTable['table'],
  { variant, families }: IptablesOptions,
  tablesOf: (ruleset: Ruleset) => Promise<readonly IptablesTable[]>,
): Pick<FirewallBackend, 'apply' | 'remove' | 'drift' | 'watches'> {
  const read = async (family: Family) =>
    parseSavedTable(await saveTable(run, { family, variant, table }));
  const wanted = async (ruleset: Ruleset): Promise<readonly IptablesTable[]> =>
    (await tablesOf(ruleset)).filter(({ family }) => families.includes(family));
  return {
    watches: {
      tables: [`ip ${table}`, `ip6 ${table}`],
      legacy: variant === 'legacy',
    },
    async apply(ruleset, previous) {
      const before = previous ? (await wanted(previous)).map((each) => iptablesText(each)) : [];
      for (const each of await wanted(ruleset)) {
        // Told apart by text: a grant for IPv4 leaves the other family alone.
        if (before.includes(iptablesText(each))) continue;
        const text = iptablesText(each, jumpState(each, await read(each.family)));
        await restoreTable(run, { family: each.family, variant, text });
      }
    },
    async remove() {
      for (const family of families) {
        // Reading a legacy table would make the kernel load it.
        if (variant === 'legacy' && !(await legacyTables(run, family)).includes(table)) continue;
        const { ours, jumps } = await read(family);
        if (ours.size + jumps.length === 0) continue;
        const text = iptablesRemoval(table, { jumps, chains: [...ours.keys()] });
        await restoreTable(run, { family, variant, text });
      }
    },
    async drift(ruleset): Promise<readonly Drift[]> {
      const drift: Drift[] = [];
      for (const each of await wanted(ruleset)) {
        drift.push(...iptablesDrift(each, await read(each.family)));
      }
      return drift;
    },
  };
}
