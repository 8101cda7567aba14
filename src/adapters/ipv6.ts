import { readFile } from 'node:fs/promises';

/** Has this network namespace an IPv6 address? Where the kernel has none, `listen [::]:80` stops Nginx. */
export async function hasIpv6(): Promise<boolean> {
  const addresses = await readFile('/proc/net/if_inet6', 'utf8').catch(() => '');
  return addresses.trim() !== '';
}
