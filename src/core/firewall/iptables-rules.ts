/** The rules that both iptables backends share, in the spelling of iptables-save, so that they can be compared with it. */
import { familyOf, ofFamily, type Family } from './addresses.ts';
import type { EndpointPort, Grant, HostPort, RoutedGrant, Ruleset } from './ruleset.ts';
import { addressText, interfaceName, networkText, portNumber, protocolName } from './shapes.ts';

export type IptablesChain = { readonly name: string; readonly rules: readonly string[] };

/** A line in a chain that is not ours: `-A <chain> -j <ours>`, always the first. */
export type IptablesJump = { readonly chain: string; readonly to: string };

/** One table of one family; `jumps` are all that it needs of chains which are not its own. */
export type IptablesTable = {
  readonly family: Family;
  readonly table: 'mangle' | 'filter';
  readonly chains: readonly IptablesChain[];
  readonly jumps: readonly IptablesJump[];
};

/** Answers first, by direction and not by state: a revoked connection ends with its next packet. */
export const notOutside = (ruleset: Ruleset, family: Family): readonly string[] => [
  '-m conntrack --ctdir REPLY -j RETURN',
  '-i lo -j RETURN',
  ...[...ruleset.bridges, ...ruleset.trustedInterfaces].map(
    (name) => `-i ${interfaceName(name)} -j RETURN`,
  ),
  ...ofFamily(family, ruleset.trustedSources).map((source) => `${from(source)}-j RETURN`),
];

/**
 * A neighbour's frame may ask for 127.0.0.1: Docker's DNAT comes before the kernel's own check.
 *
 * @param afterNat true where the answer of a container that the host asked by 127.0.0.1, through NAT
 *   (Podman, and Docker without its userland proxy), has that address again
 */
export const noLoopback = (
  family: Family,
  { afterNat }: { afterNat: boolean },
): readonly string[] => {
  const loopback = family === 'v4' ? '127.0.0.0/8' : '::1/128';
  // What is not tracked has no direction.
  const asked = afterNat
    ? ['-m conntrack --ctdir ORIGINAL ', '-m conntrack --ctstate INVALID,UNTRACKED ']
    : [''];
  return [
    ...asked.map((each) => `-d ${loopback} ! -i lo ${each}-j DROP`),
    `-s ${loopback} ! -i lo -j DROP`,
  ];
};

/** @param localOnly true where forwarded packets pass too: another host's port is not ours to close */
export function heldRules(
  { held }: Ruleset,
  { family, gate, localOnly }: { family: Family; gate: string; localOnly: boolean },
): readonly string[] {
  const rules: string[] = [];
  const groups = new Map<string, HostPort[]>();
  for (const port of held) {
    if (port.address !== undefined && familyOf(port.address) !== family) continue;
    const key = `${port.address ?? ''} ${port.protocol}`;
    groups.set(key, [...(groups.get(key) ?? []), port]);
  }
  for (const [, ports] of [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const [first] = ports;
    if (first === undefined) continue;
    const to = first.address === undefined ? '' : `-d ${host(first.address)} `;
    const local = localOnly && first.address === undefined ? '-m addrtype --dst-type LOCAL ' : '';
    for (const some of chunks(ports, MULTIPORT)) {
      const dports = some.map(({ port }) => portNumber(port)).join(',');
      rules.push(
        `${to}-p ${protocolName(first.protocol)} -m multiport --dports ${dports} ${local}-g ${gate}`,
      );
    }
  }
  return rules;
}

/** The kernel's limit for one multiport match. */
const MULTIPORT = 15;

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, index) => index * size);
  return starts.map((start) => items.slice(start, start + size));
}

export const hostGateRules = ({ grants }: Ruleset, family: Family): readonly string[] => [
  ...grants
    .filter(({ address }) => address === undefined || familyOf(address) === family)
    .flatMap((grant) =>
      ofFamily(family, grant.sources).map((source) => {
        const to = grant.address === undefined ? '' : `-d ${host(grant.address)} `;
        return `${from(source)}${to}${dport(grant)} -j RETURN`;
      }),
    ),
  ...refuse('portcullis host port: '),
];

/** @param withSource true where no earlier chain has judged who may use the host port */
export const containerGateRules = (
  { grants, routed }: Ruleset,
  { family, withSource }: { family: Family; withSource: boolean },
): readonly string[] => [
  ...grants.flatMap((grant) =>
    grant.endpoints
      .filter(({ address }) => familyOf(address) === family)
      .flatMap((endpoint) => {
        const sources = withSource ? ofFamily(family, grant.sources) : [EVERYONE_OF[family]];
        return sources.map((source) => from(source) + forwarded(grant, endpoint));
      }),
  ),
  ...routed
    .filter(({ address }) => familyOf(address) === family)
    .flatMap((grant) =>
      ofFamily(family, grant.sources).map((source) => from(source) + direct(grant)),
    ),
  ...refuse('portcullis container: '),
];

const EVERYONE_OF: Readonly<Record<Family, string>> = { v4: '0.0.0.0/0', v6: '::/0' };

function forwarded(grant: Grant, { address, port }: EndpointPort): string {
  const to = `-d ${host(address)} ${dport({ protocol: grant.protocol, port })}`;
  const original =
    grant.address !== undefined && familyOf(grant.address) === familyOf(address)
      ? `--ctorigdst ${host(grant.address).replace(/\/\d+$/, '')} `
      : '';
  return `${to} -m conntrack --ctstate DNAT ${original}--ctorigdstport ${portNumber(grant.port)} -j RETURN`;
}

const direct = ({ address, protocol, port }: RoutedGrant): string =>
  `-d ${host(address)} ${dport({ protocol, port })} -j RETURN`;

/** "Fragmentation needed" for a granted connection comes in its first direction. */
export const relatedIcmp = (family: Family): string =>
  `-p ${family === 'v4' ? 'icmp' : 'ipv6-icmp'} -m conntrack --ctstate RELATED -j RETURN`;

export const toBridges = ({ bridges }: Ruleset, gate: string): readonly string[] =>
  bridges.map((name) => `-o ${interfaceName(name)} -g ${gate}`);

const refuse = (prefix: string): readonly string[] => [
  `-m limit --limit 5/sec -j LOG --log-prefix "${prefix}"`,
  '-j DROP',
];

/** A match of every address is not written, nor would iptables-save print it. */
const from = (source: string): string => {
  const network = networkText(source);
  return network.endsWith('/0') ? '' : `-s ${network} `;
};

const host = (address: string): string =>
  `${addressText(address)}/${familyOf(address) === 'v4' ? 32 : 128}`;

const dport = ({ protocol, port }: { protocol: string; port: number }): string => {
  const name = protocolName(protocol);
  return `-p ${name} -m ${name} --dport ${portNumber(port)}`;
};
