import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const PACKAGE_OF: Readonly<Record<string, string>> = {
  dockerd: 'docker.io',
  nginx: 'nginx',
  nft: 'nftables',
  iptables: 'iptables',
  ip: 'iproute2',
  nsenter: 'util-linux',
  busybox: 'busybox-static',
  curl: 'curl',
  tar: 'tar',
};

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * The lab suite is never skipped in silence.
 *
 * @throws {Error} that says what is missing and how to get it
 */
export function requireLab(): void {
  const missing = Object.entries(PACKAGE_OF).filter(
    ([program]) => findProgram(program) === undefined,
  );
  const reasons = [
    ...(process.getuid?.() === 0 ? [] : ['it must run as root: it makes network namespaces']),
    ...(missing.length === 0
      ? []
      : [
          `missing are ${missing.map(([program]) => program).join(', ')}: apt-get install -y --no-install-recommends ${[...new Set(missing.map(([, name]) => name))].join(' ')}`,
        ]),
  ];
  if (reasons.length > 0) throw new Error(`the lab cannot run here: ${reasons.join('; ')}`);
}
