/** Can anybody outside open a connection to one port? Asked of live rules, with packets of every kind. */
import type { Family } from '../firewall/addresses.ts';
import { inRange, type AddressRange, type HexAddress } from './address-range.ts';
import { travelHost, type HostFacts, type HostInterface } from './host-facts.ts';
import type { Knock } from './first-packet.ts';
import { hooksOf } from './hooks.ts';
import { travel, type Journey } from './journey.ts';
import type { LiveRules } from './rule-model.ts';
import { rangeText, sourcesToTry, type Source } from './sources.ts';

/** What a packet is to reach. */
export type Goal = {
  readonly family: Family;
  /** IP protocol number. */
  readonly protocol: number;
  /** Or `host`: each address of the interface it comes in by; or `link-local`: that one of it. */
  readonly address: HexAddress;
  readonly port: number;
  /** Did it arrive at the container? */
  readonly arrives: (journey: Journey) => boolean;
  /** Sources that are let in on purpose. */
  readonly granted: readonly AddressRange[];
};

export type Reach = {
  /** `granted`: only those get in who are meant to. `unknown`: it hangs on a rule that is not understood. */
  readonly answer: 'open' | 'granted' | 'closed' | 'unknown';
  /** Interfaces by which it is open. */
  readonly by: readonly string[];
  /** Who gets in where not everybody does. */
  readonly only: readonly string[];
  /** To a container's own address, or to a process of the host. */
  readonly via: 'forwarded' | 'delivered' | undefined;
  /** What closed it, or what could not be judged. */
  readonly because: string;
};

export type Outside = {
  readonly rules: LiveRules;
  readonly facts: HostFacts;
  /** Interfaces that packets come in by. */
  readonly interfaces: readonly HostInterface[];
  /** Linux bridges of containers: what is routed there is nobody outside. */
  readonly bridges: readonly string[];
  /** Sources that the settings trust: not outside. */
  readonly trusted: readonly AddressRange[];
};

/** Prepared once for many goals. */
export function createReach(outside: Outside): (goal: Goal) => Reach {
  const { rules, facts, interfaces, bridges, trusted } = outside;
  const hooks = hooksOf(rules.bases);
  const host = travelHost(facts);
  const never = (address: HexAddress): boolean =>
    host.addressType(address) !== 'unicast' ||
    bridges.includes(host.routeTo(address) ?? '') ||
    trusted.some((range) => inRange(address, range));
  const sources = new Map<string, readonly Source[]>();
  const sourcesOf = (iface: HostInterface, goal: Goal): readonly Source[] => {
    const key = `${iface.name} ${goal.family} ${goal.address === 'link-local' ? 'link' : ''}${goal.granted.map((range) => `${range.low}-${range.high}`).join()}`;
    const known = sources.get(key);
    if (known !== undefined) return known;
    // Neighbours by their link-local address have a path of their own.
    const near = goal.address === 'link-local';
    const told = [
      ...rules.sources,
      ...goal.granted,
      ...trusted,
      ...(near ? [LINK_LOCAL] : []),
      ...iface.addresses.map(({ subnet }) => subnet),
    ].filter(({ low }) => near || !inRange(low, LINK_LOCAL));
    const all = sourcesToTry(told, { family: goal.family, never });
    const usable =
      goal.address === 'link-local'
        ? all.filter(({ address }) => inRange(address, LINK_LOCAL)).map(asEverybodyOn(iface))
        : all;
    sources.set(key, usable);
    return usable;
  };

  const knocks = function* (goal: Goal): Generator<{ knock: Knock; source: Source }> {
    for (const iface of interfaces) {
      for (const daddr of addressesOf(goal, iface)) {
        for (const source of sourcesOf(iface, goal)) {
          for (const sport of [ANY_PORT, ...rules.sourcePorts.slice(0, MOST_PORTS)]) {
            const { family, protocol, port } = goal;
            yield {
              source,
              knock: {
                family,
                protocol,
                iif: iface.name,
                saddr: source.address,
                daddr,
                sport,
                dport: port,
              },
            };
          }
        }
      }
    }
  };

  return (goal) => {
    const open = new Map<string, { source: Source; sport: number }[]>();
    const doubts = new Set<string>();
    let granted = false;
    let closed: Journey | undefined;
    let via: Reach['via'];
    const done = new Set<string>();
    for (const { knock, source } of knocks(goal)) {
      if (done.has(knock.iif)) continue;
      const journeys = travel(hooks, knock, host);
      const arrived = journeys.filter(goal.arrives);
      const certain = arrived.length === journeys.length;
      if (arrived.length === 0 && !journeys.some(({ fate }) => fate === 'unknown')) {
        closed ??= journeys[0];
        continue;
      }
      const everybody = source.range === undefined && knock.sport === ANY_PORT;
      if (certain && arrived[0] !== undefined) via ??= viaOf(arrived[0]);
      // Nothing more is to be known of an interface by which everybody gets in.
      if (certain && everybody) done.add(knock.iif);
      if (goal.granted.some((range) => inRange(source.address, range))) {
        granted ||= certain;
        continue;
      }
      if (certain) {
        const known = open.get(knock.iif) ?? [];
        open.set(knock.iif, [...known, { source, sport: knock.sport }]);
      } else {
        for (const { unjudged, by } of journeys) {
          for (const text of unjudged.length > 0 ? unjudged : [by]) doubts.add(text);
        }
      }
    }
    const reach = {
      by: [...open.keys()],
      only: limits([...open.values()].flat()),
      via,
      because: '',
    };
    if (open.size > 0) return { ...reach, answer: 'open' };
    if (doubts.size > 0) {
      return { ...reach, answer: 'unknown', because: [...doubts].filter(Boolean).join('; ') };
    }
    if (granted) return { ...reach, answer: 'granted' };
    return { ...reach, answer: 'closed', because: closed?.by ?? 'no address leads there' };
  };
}

const viaOf = ({ fate }: Journey): Reach['via'] =>
  fate === 'forwarded' || fate === 'delivered' ? fate : undefined;

/** On a link everybody has such an address. */
const asEverybodyOn =
  ({ addresses }: HostInterface) =>
  (source: Source): Source => {
    const { range } = source;
    const own = [LINK_LOCAL, ...addresses.map(({ subnet }) => subnet)];
    return own.some(({ low, high }) => low === range?.low && high === range.high)
      ? { ...source, range: undefined }
      : source;
  };

/** An ephemeral port that rules seldom name. */
const ANY_PORT = 51_877;
export const MOST_PORTS = 16;
const LINK_LOCAL: AddressRange = {
  low: `fe80${'0'.repeat(28)}`,
  high: `febf${'f'.repeat(28)}`,
};

function addressesOf(
  { address, family }: Goal,
  { addresses }: HostInterface,
): readonly HexAddress[] {
  const digits = family === 'v4' ? 8 : 32;
  const own = addresses.map((each) => each.address).filter((each) => each.length === digits);
  if (address === 'link-local') return own.filter((each) => inRange(each, LINK_LOCAL));
  if (address !== 'host') return [address];
  return own.filter((each) => !inRange(each, LINK_LOCAL)).slice(0, MOST_ADDRESSES);
}
const MOST_ADDRESSES = 8;

/** Empty where everybody gets in. */
function limits(ways: readonly { source: Source; sport: number }[]): readonly string[] {
  if (ways.some(({ source, sport }) => source.range === undefined && sport === ANY_PORT)) return [];
  const anybody = new Set(ways.filter(({ source }) => !source.range).map(({ sport }) => sport));
  const told = ways.filter(({ source, sport }) => !source.range || !anybody.has(sport));
  return [
    ...new Set(
      told.map(({ source, sport }) => {
        const from = source.range === undefined ? 'anybody' : rangeText(source.range);
        return sport === ANY_PORT ? from : `${from} from port ${sport}`;
      }),
    ),
  ];
}
