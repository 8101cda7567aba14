import ipaddr from 'ipaddr.js';

export const FAMILIES = ['v4', 'v6'] as const;
export type Family = (typeof FAMILIES)[number];

export const EVERYONE: readonly string[] = ['0.0.0.0/0', '::/0'];

export const familyOf = (address: string): Family => (address.includes(':') ? 'v6' : 'v4');

export const ofFamily = (family: Family, networks: readonly string[]): readonly string[] =>
  networks.filter((network) => familyOf(network) === family);

/** The shortest form of an address, IPv4-mapped ones as IPv4; `undefined` where it is none. */
export function canonicalAddress(text: string): string | undefined {
  if (!/^[0-9a-fA-F.:]{2,45}$/.test(text)) return undefined;
  // Not isValid() for IPv4: it takes inet_aton's short forms, so 10.1 would be 10.0.0.1.
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

/** `10.1.2.3/8` -> `10.0.0.0/8`; an address alone gets `/32` or `/128`; `undefined` where it is none. */
export function canonicalNetwork(text: string): string | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || !/^[0-9a-fA-F.:]{2,45}$/.test(address)) return undefined;
  const v6 = address.includes(':');
  if (v6 ? !ipaddr.IPv6.isValid(address) : !ipaddr.IPv4.isValidFourPartDecimal(address)) {
    return undefined;
  }
  const most = v6 ? 128 : 32;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) return undefined;
  const length = bits === undefined ? most : Number(bits);
  const network = v6
    ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`)
    : ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`);
  return `${network.toString()}/${length}`;
}

/** Docker's way to say "every address of the host". */
export const isWildcard = (hostAddress: string): boolean =>
  ['', '0.0.0.0', '::', '*'].includes(hostAddress);

export function isLoopback(hostAddress: string): boolean {
  const address = canonicalAddress(hostAddress);
  return address !== undefined && (address === '::1' || address.startsWith('127.'));
}

/**
 * The networks without those that lie inside another one. Two networks are nested or apart, never
 * half over each other, so what is left is disjoint, as a kernel interval set demands.
 *
 * @throws {RangeError} on text that is no network
 */
export function disjointNetworks(networks: readonly string[]): readonly string[] {
  const ranges = [...new Set(networks)].map(toRange).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const kept: Range[] = [];
  for (const range of ranges) {
    // In this order whatever lies inside a network follows it at once.
    const outer = kept.at(-1);
    if (outer === undefined || !contains(outer.cidr, range.cidr)) kept.push(range);
  }
  return kept.map(({ text }) => text);
}

type Cidr = ReturnType<typeof ipaddr.parseCIDR>;
type Range = { readonly text: string; readonly cidr: Cidr; readonly key: string };

function toRange(given: string): Range {
  const text = canonicalNetwork(given);
  if (text === undefined) throw new RangeError(`not a network: ${JSON.stringify(given)}`);
  const cidr = ipaddr.parseCIDR(text);
  const bytes = cidr[0].toByteArray().map((byte) => byte.toString(16).padStart(2, '0'));
  return {
    text,
    cidr,
    key: `${cidr[0].kind()} ${bytes.join('')} ${String(cidr[1]).padStart(3, '0')}`,
  };
}

const contains = ([outer, outerBits]: Cidr, [inner, innerBits]: Cidr): boolean =>
  outer.kind() === inner.kind() && outerBits <= innerBits && inner.match(outer, outerBits);
