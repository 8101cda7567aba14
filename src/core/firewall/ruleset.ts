/** What the firewall enforces, as data that no backend's syntax has touched: sorted, without duplicates. */
import type { IpProtocol } from '../model.ts';

/** A port of the host. `address` undefined: on every address, IPv4 and IPv6. */
export type HostPort = {
  readonly protocol: IpProtocol;
  readonly port: number;
  readonly address: string | undefined;
};

export type EndpointPort = { readonly address: string; readonly port: number };

/** A host port that outside may use, and the container addresses Docker forwards it to (none on the host network). */
export type Grant = HostPort & {
  /** Disjoint CIDRs, IPv4 and IPv6. */
  readonly sources: readonly string[];
  readonly endpoints: readonly EndpointPort[];
};

/** A container port that outside may reach without any host port: a network with the gateway mode "routed". */
export type RoutedGrant = {
  readonly protocol: IpProtocol;
  readonly address: string;
  readonly port: number;
  readonly sources: readonly string[];
};

export type Ruleset = {
  /** Linux bridges whose containers are closed by default. */
  readonly bridges: readonly string[];
  readonly trustedInterfaces: readonly string[];
  /** Disjoint CIDRs, IPv4 and IPv6. */
  readonly trustedSources: readonly string[];
  /** Host ports that a container holds: closed but for `grants`. */
  readonly held: readonly HostPort[];
  readonly grants: readonly Grant[];
  readonly routed: readonly RoutedGrant[];
};

/** Nothing is known yet. */
export const NO_RULES: Ruleset = {
  bridges: [],
  trustedInterfaces: [],
  trustedSources: [],
  held: [],
  grants: [],
  routed: [],
};

/** The ruleset with every exception for outside taken out: what is right before a daemon has confirmed any. */
export const withoutGrants = (ruleset: Ruleset): Ruleset => ({
  ...ruleset,
  grants: [],
  routed: [],
});

/** Sorts by `key` and keeps the first of each key. */
export function sortedUnique<T>(items: readonly T[], key: (item: T) => string): readonly T[] {
  const byKey = new Map<string, T>();
  for (const item of items) {
    if (!byKey.has(key(item))) byKey.set(key(item), item);
  }
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

export const hostPortKey = ({ protocol, port, address }: HostPort): string =>
  `${protocol} ${String(port).padStart(5, '0')} ${address ?? ''}`;

export const endpointKey = ({ address, port }: EndpointPort): string =>
  `${address} ${String(port).padStart(5, '0')}`;
