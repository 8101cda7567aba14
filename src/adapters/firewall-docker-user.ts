import { FAMILIES, type Family } from '../core/firewall/addresses.ts';
import { dockerUserTables } from '../core/firewall/iptables-tables.ts';
import type { FirewallBackend } from './firewall-backend.ts';
import { COMMON_GAPS } from './firewall-backend.ts';
import { iptablesTables, shown, type IptablesOptions } from './firewall-iptables.ts';
import { iptablesCommand, runIfThere } from './iptables-commands.ts';
import type { Run } from './run.ts';

/** Docker's own chain for users: for hosts where nothing else is allowed, and chosen by name only. */
export const dockerUserBackend = (run: Run, options: IptablesOptions): FirewallBackend => ({
  kind: 'docker-user',
  ...iptablesTables(run, 'filter', options, async (ruleset) =>
    dockerUserTables(ruleset, await dockerUserChains(run, options)),
  ),
  show: (ruleset) => shown(dockerUserTables(ruleset, { v4: true, v6: true }), options),
  gaps: [
    ...(options.gaps ?? []),
    'rules before ours: whatever accepts a packet ahead of DOCKER-USER (wg-quick, libvirt, "iptables -I FORWARD") bypasses it',
    'network creation: Docker up to 27 takes the jump to DOCKER-USER out and puts it back each time',
    'Docker 29 with its nftables backend has no DOCKER-USER; FORWARD takes its place',
    'a reload of ufw or firewalld removes it until it is seen',
    ...COMMON_GAPS,
  ],
});

async function dockerUserChains(
  run: Run,
  { variant, families }: IptablesOptions,
): Promise<Readonly<Record<Family, boolean>>> {
  const found = { v4: false, v6: false };
  for (const family of FAMILIES.filter((each) => families.includes(each))) {
    // Also asked for: that something leads there. A chain left over from another run does nothing.
    const forward = await runIfThere(run, iptablesCommand(family, variant), ['-S', 'FORWARD']);
    found[family] = forward?.code === 0 && / -j DOCKER-USER$/m.test(forward.stdout);
  }
  return found;
}
