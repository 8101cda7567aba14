/** Which packet would take a path, and whether the live rules let it. */
import { canonicalNetwork } from '../firewall/addresses.ts';
import { hexAddress, rangeOf, type AddressRange, type HexAddress } from '../rules/address-range.ts';
import type { Journey } from '../rules/journey.ts';
import { PROTOCOLS } from '../rules/packet.ts';
import type { Goal } from '../rules/reach.ts';
import type { Exposure } from './exposure.ts';

/** Ports of the host on which something listens, as `tcp 80`. */
export type Listening = ReadonlySet<string>;

/** Undefined where no packet of the host's own hooks takes the path. */
export function goalOf(exposure: Exposure, listening: Listening): Goal | undefined {
  const { target, protocol, path } = exposure;
  if (target === undefined) return undefined;
  const family = path.endsWith('-v6') || target.address.includes(':') ? 'v6' : 'v4';
  const abstract = target.address === 'host' || target.address === 'link-local';
  return {
    family,
    protocol: PROTOCOLS[protocol] ?? 0,
    address: abstract ? target.address : hexAddress(target.address),
    port: target.port,
    granted: exposure.sources.flatMap(networkRange),
    arrives: (journey) => arrives(journey, exposure, listening),
  };
}

/** At the container's own address, or at a process of the host that speaks for it. */
export function arrives(
  { fate, packet }: Journey,
  { path, port, protocol, endpoints, bridges = [] }: Exposure,
  listening: Listening,
): boolean {
  if (fate === 'forwarded') {
    if (bridges.includes(packet.oif)) return true;
    return packet.dport === port && endpoints.map(hexOf).includes(packet.daddr);
  }
  if (fate !== 'delivered') return false;
  return path === 'host-network' || listening.has(`${protocol} ${packet.dport}`);
}

const hexOf = (address: string): HexAddress => hexAddress(address);

const networkRange = (network: string): readonly AddressRange[] => {
  const canonical = canonicalNetwork(network);
  return canonical === undefined ? [] : [rangeOf(canonical)];
};
