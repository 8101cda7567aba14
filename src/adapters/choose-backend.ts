import { FAMILIES, type Family } from '../core/firewall/addresses.ts';
import { nftablesText } from '../core/firewall/nftables-text.ts';
import { iptablesText } from '../core/firewall/iptables-text.ts';
import { mangleTables } from '../core/firewall/iptables-tables.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import { PortcullisError } from '../errors.ts';
import type { BackendKind, FirewallBackend } from './firewall-backend.ts';
import { dockerUserBackend } from './firewall-docker-user.ts';
import { iptablesBackend, type IptablesOptions } from './firewall-iptables.ts';
import { nftablesBackend } from './firewall-nftables.ts';
import {
  hasIpv6,
  iptablesCommand,
  legacyTables,
  runIfThere,
  variantOfDocker,
  type IptablesVariant,
} from './iptables-commands.ts';
import type { Run } from './run.ts';

/**
 * The backend that this host can carry, tried with a dry run of rules like the real ones. `auto`
 * takes nftables, else iptables, and never DOCKER-USER.
 *
 * @throws {PortcullisError} `firewall-unavailable`: which one is missing what, and what to do
 */
export async function chooseBackend(
  run: Run,
  preference: 'auto' | BackendKind,
): Promise<FirewallBackend> {
  const refusals: string[] = [];
  if (preference === 'auto' || preference === 'nftables') {
    const refusal = await nftablesRefusal(run);
    if (refusal === undefined) return nftablesBackend(run);
    refusals.push(refusal);
  }
  if (preference !== 'nftables') {
    const options = await iptablesOptions(run);
    if (typeof options !== 'string') {
      return preference === 'docker-user'
        ? dockerUserBackend(run, options)
        : iptablesBackend(run, options);
    }
    refusals.push(options);
  }
  throw new PortcullisError('firewall-unavailable', [...new Set(refusals)].join('; '));
}

/** Removes what any backend may have left, in either variant of iptables; what is not installed left nothing. */
export async function removeAll(run: Run): Promise<void> {
  const nft = await runIfThere(run, 'nft', ['list', 'tables']);
  if (nft?.code === 0) await nftablesBackend(run).remove();
  for (const variant of ['', 'nft', 'legacy'] as const) {
    const families = await removableFamilies(run, variant);
    await iptablesBackend(run, { variant, families }).remove();
    await dockerUserBackend(run, { variant, families }).remove();
  }
}

async function removableFamilies(run: Run, variant: IptablesVariant): Promise<readonly Family[]> {
  const there: Family[] = [];
  for (const family of FAMILIES) {
    if (variant !== 'nft' && (await legacyTables(run, family)).length === 0) {
      // The plain command may be the legacy one, which would load its tables by being asked.
      if (variant === 'legacy') continue;
      const version = await runIfThere(run, iptablesCommand(family, variant), ['--version']);
      if (version?.stdout.includes('nf_tables') !== true) continue;
    }
    const saved = await runIfThere(run, iptablesCommand(family, variant, 'save'), ['-t', 'mangle']);
    if (saved?.code === 0) there.push(family);
  }
  return there;
}

/** Uses everything that real rulesets use: sets of intervals, maps, conntrack, fib, log. */
const SAMPLE: Ruleset = {
  bridges: ['docker0'],
  trustedInterfaces: ['wg0'],
  trustedSources: ['192.0.2.0/24', '2001:db8::/32'],
  held: [
    { protocol: 'tcp', port: 1, address: undefined },
    { protocol: 'udp', port: 2, address: '192.0.2.1' },
  ],
  grants: [
    {
      protocol: 'tcp',
      port: 1,
      address: undefined,
      sources: ['192.0.2.0/24', '2001:db8::/32'],
      endpoints: [{ address: '192.0.2.1', port: 1 }],
    },
  ],
  routed: [],
};

const NO_RIGHT =
  'no right to change the firewall: run as root or with CAP_NET_ADMIN (a container: --cap-add NET_ADMIN and --network host)';

/** Why nftables cannot be used, or `undefined` if it can. */
async function nftablesRefusal(run: Run): Promise<string | undefined> {
  const tried = await runIfThere(run, 'nft', ['-c', '-f', '-'], nftablesText(SAMPLE));
  if (tried === undefined) return 'nft is not installed: install the package nftables';
  if (tried.code === 0) return undefined;
  if (/Operation not permitted|must be root/.test(tried.stderr)) return NO_RIGHT;
  return `nftables cannot hold these rules here (${firstLine(tried.stderr)}): it takes nft 0.9.4 and Linux 5.6 or newer`;
}

/** How iptables can be used, or why it cannot. */
async function iptablesOptions(run: Run): Promise<IptablesOptions | string> {
  const variant = await variantOfDocker(run);
  const families: Family[] = [];
  const refusals: string[] = [];
  for (const table of mangleTables(SAMPLE)) {
    const command = iptablesCommand(table.family, variant, 'restore');
    const tried = await runIfThere(run, command, ['--noflush', '--test'], iptablesText(table));
    if (tried?.code === 0) families.push(table.family);
    else if (tried === undefined)
      refusals.push(`${command} is not installed: install the package iptables`);
    else if (/Permission denied|must be root|Operation not permitted/.test(tried.stderr))
      return NO_RIGHT;
    else refusals.push(`${command} cannot hold these rules here (${firstLine(tried.stderr)})`);
  }
  if (!families.includes('v4')) return refusals[0] ?? 'iptables does not work here';
  if (families.includes('v6') || !(await hasIpv6(run))) return { variant, families };
  return {
    variant,
    families,
    gaps: [`everything over IPv6: ${refusals[0] ?? 'ip6tables does not work here'}`],
  };
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
