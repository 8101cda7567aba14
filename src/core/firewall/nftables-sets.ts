/** Everything in the nftables table that changes with containers: elements of sets and maps, never rules. */
import { FAMILIES, familyOf, ofFamily, type Family } from './addresses.ts';
import type { Grant, HostPort, Ruleset } from './ruleset.ts';
import { addressText, interfaceName, networkText, portNumber, protocolName } from './shapes.ts';

export type NftSet = {
  readonly name: string;
  readonly kind: 'set' | 'map';
  readonly type: string;
  readonly interval: boolean;
  /** In nft's own spelling; a map's as `key : verdict`. */
  readonly elements: readonly string[];
};

/** Which host ports a connection may have asked for to be let through to a container port. */
export type AskedChain = { readonly name: string; readonly rules: readonly string[] };

export const NFT_TABLE = 'inet portcullis';

export function nftSets(ruleset: Ruleset): readonly NftSet[] {
  const { bridges, trustedInterfaces, trustedSources, held, grants, routed } = ruleset;
  const sets: NftSet[] = [
    set('bridges', 'ifname', bridges.map(quoted)),
    set('trusted_interfaces', 'ifname', trustedInterfaces.map(quoted)),
    set('held', 'inet_proto . inet_service', held.filter(isEverywhere).map(portKey)),
  ];
  for (const family of FAMILIES) {
    const n = family.slice(1);
    const address = `ip${family}_addr`;
    sets.push(
      interval(`trusted_sources${n}`, address, ofFamily(family, trustedSources).map(network)),
      set(
        `held_at${n}`,
        `inet_proto . inet_service . ${address}`,
        held.flatMap((port) => at(port, family)),
      ),
      interval(
        `from${n}`,
        `inet_proto . inet_service . ${address}`,
        grants.filter(isEverywhere).flatMap((grant) => sourcesOf(grant, family, portKey(grant))),
      ),
      interval(
        `from_at${n}`,
        `inet_proto . inet_service . ${address} . ${address}`,
        grants.flatMap((grant) =>
          at(grant, family).flatMap((key) => sourcesOf(grant, family, key)),
        ),
      ),
      {
        ...set(`open${n}`, `inet_proto . ${address} . inet_service : verdict`, []),
        kind: 'map',
        elements: openElements(grants, family),
      },
      interval(
        `routed${n}`,
        `inet_proto . ${address} . inet_service . ${address}`,
        routed
          .filter(({ address: to }) => familyOf(to) === family)
          .flatMap((grant) => sourcesOf(grant, family, endpointKeyText(grant))),
      ),
    );
  }
  return sets;
}

/** One chain for each combination of host ports that lead to one container port; most have one port. */
export function askedChains({ grants }: Ruleset): readonly AskedChain[] {
  const chains = new Map<string, AskedChain>();
  for (const { protocol, hostPorts } of openEndpoints(grants).values()) {
    const name = askedChain(protocol, hostPorts);
    const rules = hostPorts.map(
      (port) => `meta l4proto ${protocol} ct original proto-dst ${port} counter accept`,
    );
    chains.set(name, { name, rules: [...rules, 'goto refuse_container'] });
  }
  return [...chains.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

type OpenEndpoint = {
  readonly protocol: string;
  readonly address: string;
  readonly port: string;
  readonly hostPorts: readonly string[];
};

/** nft's chain names end at 128 characters; nobody publishes one container port this often. */
const MOST_HOST_PORTS = 16;

function openEndpoints(grants: readonly Grant[]): ReadonlyMap<string, OpenEndpoint> {
  const open = new Map<string, OpenEndpoint>();
  for (const { protocol, port: hostPort, endpoints } of grants) {
    for (const { address, port } of endpoints) {
      const endpoint = { protocol, address, port };
      const key = endpointKeyText(endpoint);
      const hostPorts = [...(open.get(key)?.hostPorts ?? []), portNumber(hostPort)];
      open.set(key, {
        protocol: protocolName(protocol),
        address: addressText(address),
        port: portNumber(port),
        hostPorts: [...new Set(hostPorts)].slice(0, MOST_HOST_PORTS),
      });
    }
  }
  return open;
}

const openElements = (grants: readonly Grant[], family: Family): readonly string[] =>
  [...openEndpoints(grants)]
    .filter(([, { address }]) => familyOf(address) === family)
    .map(([key, { protocol, hostPorts }]) => `${key} : goto ${askedChain(protocol, hostPorts)}`)
    .toSorted();

const askedChain = (protocol: string, hostPorts: readonly string[]): string =>
  `asked_${protocol}_${hostPorts.join('_')}`;

const set = (name: string, type: string, elements: readonly string[]): NftSet => ({
  name,
  kind: 'set',
  type,
  interval: false,
  elements,
});

const interval = (name: string, type: string, elements: readonly string[]): NftSet => ({
  ...set(name, type, elements),
  interval: true,
});

const isEverywhere = ({ address }: HostPort): boolean => address === undefined;

const quoted = (name: string): string => `"${interfaceName(name)}"`;

const portKey = ({ protocol, port }: HostPort): string =>
  `${protocolName(protocol)} . ${portNumber(port)}`;

const endpointKeyText = ({
  protocol,
  address,
  port,
}: {
  protocol: string;
  address: string;
  port: number;
}): string => `${protocolName(protocol)} . ${addressText(address)} . ${portNumber(port)}`;

const at = (port: HostPort, family: Family): readonly string[] =>
  port.address !== undefined && familyOf(port.address) === family
    ? [`${portKey(port)} . ${addressText(port.address)}`]
    : [];

const sourcesOf = (
  { sources }: { sources: readonly string[] },
  family: Family,
  key: string,
): readonly string[] => ofFamily(family, sources).map((source) => `${key} . ${network(source)}`);

/** nft writes a network of one address without its length. */
const network = (text: string): string =>
  networkText(text).replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, '');
