import type { Family } from '../core/firewall/addresses.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import type { Run, RunResult } from './run.ts';

/** `''` is the plain command, where the distribution has no variants. */
export type IptablesVariant = 'nft' | 'legacy' | '';

const NAME: Readonly<Record<Family, string>> = { v4: 'iptables', v6: 'ip6tables' };

/** `iptables-nft-save`, `ip6tables-restore`, … */
export const iptablesCommand = (
  family: Family,
  variant: IptablesVariant,
  verb?: 'save' | 'restore',
): string => [NAME[family], variant, verb].filter(Boolean).join('-');

/** Runs a program; `undefined` if it is not installed. */
export async function runIfThere(
  run: Run,
  command: string,
  args: readonly string[],
  stdin = '',
): Promise<RunResult | undefined> {
  try {
    const result = await run(command, args, { stdin });
    // What nsenter and the like answer for a program that is not there.
    return result.code === 127 ? undefined : result;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The variant in which Docker's chains are, whatever `iptables --version` says: rules typed into the
 * other one would be accepted and do nothing.
 */
export async function variantOfDocker(run: Run): Promise<IptablesVariant> {
  const nft = await runIfThere(run, 'iptables-nft', ['-t', 'nat', '-S', 'DOCKER']);
  if (nft === undefined) return '';
  if (nft.code === 0) return 'nft';
  // Asking the legacy command would make the kernel load its tables.
  if (!(await legacyTables(run, 'v4')).includes('nat')) return '';
  const legacy = await runIfThere(run, 'iptables-legacy', ['-t', 'nat', '-S', 'DOCKER']);
  return legacy?.code === 0 ? 'legacy' : '';
}

/** Tables of iptables-legacy that the kernel holds now. */
export async function legacyTables(run: Run, family: Family): Promise<readonly string[]> {
  const file = family === 'v4' ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names';
  const read = await runIfThere(run, 'cat', [file]);
  return read?.code === 0 ? read.stdout.split('\n').filter(Boolean) : [];
}

/** True unless the kernel has no IPv6, or it is switched off on every interface. */
export async function hasIpv6(run: Run): Promise<boolean> {
  const read = await runIfThere(run, 'cat', ['/proc/net/if_inet6']);
  return read?.code === 0 && read.stdout.trim() !== '';
}

/** @throws {PortcullisError} `firewall-unavailable` */
export async function saveTable(
  run: Run,
  { family, variant, table }: { family: Family; variant: IptablesVariant; table: string },
): Promise<string> {
  const command = iptablesCommand(family, variant, 'save');
  const result = await runIfThere(run, command, ['-t', table]);
  if (result?.code === 0) return result.stdout;
  throw new PortcullisError('firewall-unavailable', `${command} cannot read the table ${table}`, {
    detail: result?.stderr.trim() ?? 'it is not installed',
  });
}

/**
 * Loads one table of one family: all of it takes effect, or nothing.
 *
 * @throws {PortcullisError} `firewall-rejected`
 */
export async function restoreTable(
  run: Run,
  { family, variant, text }: { family: Family; variant: IptablesVariant; text: string },
): Promise<void> {
  const command = iptablesCommand(family, variant, 'restore');
  // Docker edits the same tables: wait for the lock instead of failing on it.
  const result = await runIfThere(run, command, ['--noflush', '--wait', '10'], text);
  if (result?.code === 0) return;
  throw new PortcullisError(
    'firewall-rejected',
    `${command} refused the ruleset (exit code ${result?.code ?? 127}); this table is unchanged`,
    { detail: `${result?.stderr.trim() ?? 'it is not installed'}\n--- ruleset ---\n${text}` },
  );
}
