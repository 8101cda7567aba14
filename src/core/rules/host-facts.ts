/** The host's interfaces, addresses and routes, as iproute2 tells them in JSON. */
import type { Family } from '../firewall/addresses.ts';
import {
  hexAddress,
  inRange,
  prefixRange,
  type AddressRange,
  type HexAddress,
} from './address-range.ts';
import type { TravelHost } from './hooks.ts';

export type HostInterface = {
  readonly name: string;
  /** `veth`, `bridge`, `macvlan`, …; '' for a card. */
  readonly kind: string;
  readonly up: boolean;
  readonly master: string | undefined;
  readonly addresses: readonly { readonly address: HexAddress; readonly subnet: AddressRange }[];
};

export type Route = { readonly to: AddressRange; readonly length: number; readonly device: string };

export type HostFacts = {
  readonly interfaces: readonly HostInterface[];
  readonly routes: readonly Route[];
  /** Interfaces whose packets are forwarded: net.ipv4.conf.<name>.forwarding; IPv6 has one switch for all. */
  readonly forwarding: { readonly v4: ReadonlySet<string>; readonly v6: boolean };
  readonly localnet: ReadonlySet<string>;
  /** `ip rule` has more than the kernel's own three: routes here are a guess. */
  readonly policyRouting: boolean;
};

type Json = Readonly<Record<string, unknown>>;

const records = (text: string): readonly Json[] => {
  const parsed: unknown = text.trim() === '' ? [] : JSON.parse(text);
  return Array.isArray(parsed)
    ? parsed.filter((each) => typeof each === 'object' && each !== null)
    : [];
};

const list = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : [];

const textAt = (from: Json, key: string): string =>
  typeof from[key] === 'string' ? from[key] : '';

/** `ip -j -d addr show`. */
export const interfacesFrom = (text: string): readonly HostInterface[] =>
  records(text).map((link) => {
    const info = link['linkinfo'];
    const flags: unknown = link['flags'];
    return {
      name: textAt(link, 'ifname'),
      kind:
        typeof info === 'object' && info !== null && 'info_kind' in info
          ? String(info.info_kind)
          : '',
      up: Array.isArray(flags) && flags.includes('UP'),
      master: typeof link['master'] === 'string' ? link['master'] : undefined,
      addresses: list(link['addr_info']).flatMap((info_) => {
        const local = textAt(info_, 'local');
        return local === ''
          ? []
          : [
              {
                address: hexAddress(local),
                subnet: prefixRange(local, Number(info_['prefixlen'])),
              },
            ];
      }),
    };
  });

/** `ip -j route show` and `ip -j -6 route show`. */
export const routesFrom = (text: string, family: Family): readonly Route[] =>
  records(text).flatMap((route) => {
    const device = textAt(route, 'dev');
    if (device === '') return [];
    const to = textAt(route, 'dst');
    const [address = '', bits] =
      to === 'default' ? [family === 'v4' ? '0.0.0.0' : '::', '0'] : to.split('/');
    const length = bits === undefined ? (family === 'v4' ? 32 : 128) : Number(bits);
    return [{ to: prefixRange(address, length), length, device }];
  });

/** `ip -j rule show`: the kernel's own rules ask the tables local, main and default. */
export const hasPolicyRouting = (text: string): boolean =>
  records(text).some((rule) => !['local', 'main', 'default'].includes(textAt(rule, 'table')));

/** Answers what rules and the kernel ask about the host. */
export function travelHost(facts: HostFacts): TravelHost {
  const local = new Set(
    facts.interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
  );
  const broadcasts = new Set(
    facts.interfaces.flatMap(({ addresses }) =>
      addresses.filter(({ address }) => address.length === 8).map(({ subnet }) => subnet.high),
    ),
  );
  const routes = facts.routes.toSorted((a, b) => b.length - a.length);
  const byName = new Map(facts.interfaces.map((each) => [each.name, each]));
  const known = new Map<HexAddress, string | undefined>();
  return {
    addressType(address) {
      if (local.has(address) || (address.length === 8 && address.startsWith('7f'))) return 'local';
      if (address.length === 8 ? /^[ef]/.test(address) : address.startsWith('ff')) {
        return address === 'ffffffff' ? 'broadcast' : 'multicast';
      }
      return broadcasts.has(address) ? 'broadcast' : 'unicast';
    },
    routeTo(address) {
      if (!known.has(address)) {
        known.set(address, routes.find(({ to }) => inRange(address, to))?.device);
      }
      return known.get(address);
    },
    firstAddress: (name, family) =>
      byName
        .get(name)
        ?.addresses.find(({ address }) => (address.length === 8) === (family === 'v4'))?.address,
    kindOf: (name) => byName.get(name)?.kind,
    forwards: (iif, family) =>
      family === 'v4' ? facts.forwarding.v4.has(iif) : facts.forwarding.v6,
    routesLocalnet: (iif) => facts.localnet.has(iif),
  };
}
