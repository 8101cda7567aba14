import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Programs, and Debian's packages that have them. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  docker: 'docker.io',
  dockerd: 'docker.io',
  containerd: 'containerd',
  nginx: 'nginx',
  nft: 'nftables',
  iptables: 'iptables',
  ip: 'iproute2',
  nsenter: 'util-linux',
  busybox: 'busybox-static',
  curl: 'curl',
  tar: 'tar',
  nmap: 'nmap',
  openssl: 'openssl',
  certbot: 'certbot',
  pebble: 'pebble',
  logrotate: 'logrotate',
  'docker-compose': 'docker-compose',
};

const FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];

/** Every file of that name where programs lie; the distribution's before those installed by hand. */
export function findPrograms(name: string): readonly string[] {
  return FOLDERS.map((folder) => join(folder, name)).filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export const findProgram = (name: string): string | undefined => findPrograms(name)[0];

/** What keeps the lab from running here, each with what to do; nothing: an empty list. */
export function missingRequirements(): readonly string[] {
  const missing = Object.entries(PACKAGE_OF).filter(([program]) => !findProgram(program));
  const programs = missing.map(([program]) => program).join(', ');
  const packages = [...new Set(missing.map(([program, name]) => packageOf(program, name)))].join(
    ' ',
  );
  return [
    ...(process.getuid?.() === 0 ? [] : ['it must run as root: it makes network namespaces']),
    ...(missing.length === 0
      ? []
      : [`missing are ${programs}: apt-get install -y --no-install-recommends ${packages}`]),
  ];
}

/** From Debian 13 on the docker command is apart from the daemon. */
const packageOf = (program: string, name: string): string =>
  program === 'docker' && findProgram('dockerd') !== undefined ? 'docker-cli' : name;

/**
 * The lab suite is never skipped in silence.
 *
 * @throws {Error} that says what is missing and how to get it
 */
export function requireLab(): void {
  const reasons = missingRequirements();
  if (reasons.length > 0) throw new Error(`the lab cannot run here: ${reasons.join('; ')}`);
}
