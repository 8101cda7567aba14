/** The systemd unit of `watch`: root, with nothing of what root can do that it does not need. */

export const WATCH_UNIT = 'portcullis.service';

/** The first line of every file that `init` writes: what does not begin so is somebody else's. */
export const MARKER = '# Written by "portcullis init"';

/** The variables of `watch` when systemd starts it: a shell's own are not seen by the unit. */
export const ENVIRONMENT_FILE = '/etc/default/portcullis';

export type WatchUnitFacts = {
  /** The program and its arguments, up to `watch`. */
  readonly command: readonly string[];
  /** Absolute folders that it writes, and `nginx -t`, which opens logs, caches and the pid file. */
  readonly writes: readonly string[];
};

/** Where Nginx writes by default, as its packages are built; `/run` for its pid file. */
const NGINX_WRITES = ['/run', '/var/cache/nginx', '/var/lib/nginx', '/var/log/nginx'];

/**
 * `DAC_OVERRIDE` and `CHOWN`: `nginx -t` opens logs and makes folders that belong to its workers' user.
 * `NET_BIND_SERVICE`: `nginx -t` binds its ports. `NET_RAW`: iptables-legacy talks over a raw socket.
 */
const CAPABILITIES = [
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_NET_BIND_SERVICE',
  'CAP_DAC_OVERRIDE',
  'CAP_CHOWN',
];

export function watchUnit({ command, writes }: WatchUnitFacts): string {
  const folders = withoutNested([...NGINX_WRITES, '/var/lib/portcullis', ...writes]);
  return `${MARKER}; a change of yours belongs into a drop-in ("systemctl edit portcullis").
[Unit]
Description=Portcullis: Nginx sites and a firewall from container labels
Documentation=man:portcullis(1)
After=network.target docker.service nginx.service portcullis-firewall.service
StartLimitIntervalSec=0

[Service]
Type=exec
EnvironmentFile=-${ENVIRONMENT_FILE}
ExecStart=${[...command, 'watch'].map(systemdWord).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1s
# Wrong settings do not get right by starting again.
RestartPreventExitStatus=2
TimeoutStopSec=20s

NoNewPrivileges=yes
CapabilityBoundingSet=${CAPABILITIES.join(' ')}
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=${folders.map((path) => systemdWord(`-${path}`)).join(' ')}
# Not "yes": certificates, or this program, may lie there.
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
# @chown for "nginx -t".
SystemCallFilter=@system-service @chown
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @resources @setuid @swap
SystemCallErrorNumber=EPERM
UMask=0022

[Install]
WantedBy=multi-user.target
`;
}

/** A folder below one that is there already adds nothing. */
function withoutNested(folders: readonly string[]): readonly string[] {
  const all = [...new Set(folders)].toSorted();
  return all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)));
}

/** One word of a unit file: `%`, `$`, quotes and spaces mean themselves. (systemd.service(5), systemd.syntax(7)) */
export function systemdWord(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:@%+,=$-]+$/.test(text) ? escaped : `"${escaped.replaceAll('"', '\\"')}"`;
}
