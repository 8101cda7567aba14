/** What a machine knows of names: the addresses in /etc/hosts, the nameservers in /etc/resolv.conf. */
import ipaddr from 'ipaddr.js';

export type NameService = {
  /** Addresses by name in lower case, as Nginx writes them: IPv6 in brackets. */
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  /** As Nginx writes them. */
  readonly nameservers: readonly string[];
};

/** As the C library, which reads no more. */
const MAX_NAMESERVERS = 3;

/** @param hosts text of /etc/hosts; lines that say nothing usable are passed over */
export function readNameService(hosts: string, resolvConf: string): NameService {
  const addresses = new Map<string, string[]>();
  for (const [first = '', ...names] of wordsOf(hosts, /#.*/)) {
    const address = nginxAddress(first);
    if (address === undefined) continue;
    for (const name of names.map((each) => each.toLowerCase())) {
      const known = addresses.get(name) ?? [];
      if (!known.includes(address)) addresses.set(name, [...known, address]);
    }
  }
  const nameservers = wordsOf(resolvConf, /[#;].*/).flatMap(([key, value = '']) =>
    key === 'nameserver' ? (nginxAddress(value) ?? []) : [],
  );
  return { hosts: addresses, nameservers: nameservers.slice(0, MAX_NAMESERVERS) };
}

const wordsOf = (text: string, comment: RegExp): readonly (readonly string[])[] =>
  text.split('\n').map((line) => line.replace(comment, '').trim().split(/\s+/));

/** Undefined for what is none, and for one with a zone (`fe80::1%eth0`), which Nginx does not read. */
function nginxAddress(text: string): string | undefined {
  if (isIpv4(text)) return text;
  return !text.includes('%') && ipaddr.IPv6.isValid(text) ? `[${text}]` : undefined;
}

/** Four decimal parts; not the short forms of inet_aton. */
export const isIpv4 = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text);
