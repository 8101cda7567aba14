/** What closes the host at boot, before Docker starts a container and with nothing of Node running. */
import { iptablesText } from './iptables-text.ts';
import type { IptablesTable } from './iptables-rules.ts';
import { dockerUserTables, mangleTables } from './iptables-tables.ts';
import { nftablesText } from './nftables-text.ts';
import { NO_RULES, withoutGrants, type Ruleset } from './ruleset.ts';

export const BOOT_UNIT = 'portcullis-firewall.service';

export type BootBackend = 'nftables' | 'iptables' | 'docker-user';

/**
 * Files by name for the folder of state. Grants are left out: after a reboot a container may have
 * another address, and until the daemon confirms a grant everything is closed.
 */
export function bootFiles(ruleset: Ruleset, backend: BootBackend): ReadonlyMap<string, string> {
  const closed = withoutGrants(ruleset);
  if (backend === 'nftables') return new Map([['boot.nft', nftablesText(closed)]]);
  return new Map(
    iptablesTables(closed, backend).map((table) => [
      `boot.rules.${table.family}`,
      iptablesText(table),
    ]),
  );
}

/** At boot there is no DOCKER-USER yet, so FORWARD takes its place. */
const iptablesTables = (
  ruleset: Ruleset,
  backend: 'iptables' | 'docker-user',
): readonly IptablesTable[] =>
  backend === 'iptables'
    ? mangleTables(ruleset)
    : dockerUserTables(ruleset, { v4: false, v6: false });

/**
 * The systemd unit that loads those files.
 *
 * @param folder absolute, without spaces or "%"
 * @throws {RangeError} if `folder` could mean something to systemd
 */
export function bootUnit(folder: string, backend: BootBackend): string {
  if (!/^\/[A-Za-z0-9._/-]*$/.test(folder)) throw new RangeError(`not a plain path: ${folder}`);
  const commands =
    backend === 'nftables'
      ? [`ExecStart=nft -f ${folder}/boot.nft`]
      : iptablesCommands(folder, backend);
  return `# Written by Portcullis.
[Unit]
Description=Close Docker's containers to the outside until Portcullis runs
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target docker.service containerd.service shutdown.target
After=local-fs.target systemd-modules-load.service nftables.service netfilter-persistent.service ufw.service
Conflicts=shutdown.target
# "systemctl restart nftables" flushes everybody's rules; then this unit follows.
PartOf=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
${commands.join('\n')}

[Install]
WantedBy=sysinit.target
`;
}

/** IPv6 may be switched off; that must not keep IPv4 from being closed, hence "-". */
function iptablesCommands(folder: string, backend: 'iptables' | 'docker-user'): readonly string[] {
  return iptablesTables(NO_RULES, backend).flatMap((table) => {
    const command = table.family === 'v4' ? 'iptables' : 'ip6tables';
    const ignore = table.family === 'v4' ? '' : '-';
    return [
      ...withoutJumps(table, command),
      `ExecStart=${ignore}${command}-restore --noflush --wait 10 ${folder}/boot.rules.${table.family}`,
    ];
  });
}

/** The file puts the jumps in first place; a second run must not double them. */
const withoutJumps = ({ table, jumps }: IptablesTable, command: string): readonly string[] =>
  jumps.map(({ chain, to }) => `ExecStart=-${command} --wait 10 -t ${table} -D ${chain} -j ${to}`);
