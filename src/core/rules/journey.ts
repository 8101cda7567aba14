/** The way of a packet from outside through all hooks, with its answer's way back. */
import type { HexAddress } from './address-range.ts';
import { CT_STATE, TCP_FLAGS, PROTOCOLS, type Packet, type Tuple } from './packet.ts';
import { runBase } from './run-chain.ts';
import type { BaseChain, Hook, HostView, Rule } from './rule-model.ts';
import type { Family } from '../firewall/addresses.ts';

/** The first packet of a connection, as it comes from the wire. */
export type Knock = Tuple & {
  readonly family: Family;
  readonly protocol: number;
  readonly iif: string;
};

export type Fate =
  /** Sent on to `oif`: to a container, where that is one's bridge. */
  | 'forwarded'
  /** Given to a process of the host. */
  | 'delivered'
  | 'dropped'
  | 'rejected'
  /** It got in, and its answer, TCP's second packet, does not get out. */
  | 'answer-dropped'
  /** The kernel itself takes no such packet: 127.0.0.1 from a wire, no route, forwarding off. */
  | 'refused-by-kernel'
  | 'unknown';

export type Journey = {
  readonly fate: Fate;
  /** As it arrived: after all rewriting. */
  readonly packet: Packet;
  /** Who decided where it was dropped: `chain X of table Y: rule`. */
  readonly by: string;
  /** The base chain that decided, or '' for the kernel. */
  readonly table: string;
  readonly unjudged: readonly string[];
};

/** The host as the journey needs it. */
export type TravelHost = HostView & {
  readonly forwards: (iif: string, family: Family) => boolean;
  /** net.ipv4.conf.<iif>.route_localnet. */
  readonly routesLocalnet: (iif: string) => boolean;
};

/** Priorities at which the kernel itself acts (linux/netfilter_ipv4.h). */
const CONNTRACK = -200;
const DNAT = -100;
const SNAT = 100;

/** Base chains of each hook and family, in the order in which a packet meets them. */
export type Hooks = ReadonlyMap<string, readonly BaseChain[]>;

export function hooksOf(bases: readonly BaseChain[]): Hooks {
  const hooks = new Map<string, BaseChain[]>();
  for (const base of bases.toSorted((a, b) => rank(a) - rank(b) || b.order - a.order)) {
    for (const family of base.family === 'both' ? (['v4', 'v6'] as const) : [base.family]) {
      const key = `${base.hook} ${family}`;
      hooks.set(key, [...(hooks.get(key) ?? []), base]);
    }
  }
  return hooks;
}

/** Every end that the packet may come to; more than one where a rule could not be judged. */
export function travel(hooks: Hooks, knock: Knock, host: TravelHost): readonly Journey[] {
  const world: World = { hooks, host };
  const ways = passHook(world, 'ingress', firstPacket(knock))
    .flatMap((way) => follow(way, (packet) => passHook(world, 'prerouting', packet)))
    .flatMap((way) => follow(way, (packet) => route(world, packet)));
  return distinct(ways.map(settled));
}

type World = { readonly hooks: Hooks; readonly host: TravelHost };

const firstPacket = (knock: Knock): Packet => ({
  ...knock,
  tcpFlags: knock.protocol === PROTOCOLS['tcp'] ? SYN : 0,
  icmpType: 0,
  oif: '',
  mark: 0,
  ctMark: 0,
  tracking: 'none',
  ctState: INVALID,
  direction: 'original',
  original: tupleOf(knock),
  dnat: false,
  destinationSet: false,
});

const SYN = TCP_FLAGS['syn'] ?? 0;
const SYN_ACK = SYN | (TCP_FLAGS['ack'] ?? 0);
/** What the kernel says of a packet that conntrack has not seen. */
const INVALID = CT_STATE['invalid'] ?? 0;
const NEW = CT_STATE['new'] ?? 0;
const ESTABLISHED = CT_STATE['established'] ?? 0;
const UNTRACKED = CT_STATE['untracked'] ?? 0;

/** On its way, or at its end. */
type Way = {
  readonly packet: Packet;
  readonly fate: Fate | 'travels';
  readonly by: string;
  readonly table: string;
  readonly unjudged: readonly string[];
};

const follow = (way: Way, next: (packet: Packet) => readonly Way[]): readonly Way[] =>
  way.fate !== 'travels'
    ? [way]
    : next(way.packet).map((each) => ({
        ...each,
        unjudged: [...new Set([...way.unjudged, ...each.unjudged])],
      }));

const travels = (packet: Packet): Way => ({
  packet,
  fate: 'travels',
  by: '',
  table: '',
  unjudged: [],
});

const kernel = (packet: Packet, by: string): Way => ({
  ...travels(packet),
  fate: 'refused-by-kernel',
  by,
});

const settled = (way: Way): Journey => ({
  ...way,
  fate: way.fate === 'travels' ? 'unknown' : way.fate,
});

/** All base chains of one hook by priority, with the kernel's own work in between. */
function passHook({ hooks, host }: World, hook: Hook, start: Packet): readonly Way[] {
  const here = hooks.get(`${hook} ${start.family}`) ?? [];
  let ways: readonly Way[] = [travels(start)];
  let tracked = !(hook === 'prerouting' || hook === 'output');
  for (const base of here) {
    if (!tracked && base.priority > CONNTRACK) {
      ways = ways.map(afterTracking);
      tracked = true;
    }
    ways = ways.flatMap((way) => follow(way, (packet) => passBase(base, packet, host)));
  }
  return tracked ? ways : ways.map(afterTracking);
}

/** Chains of NAT all stand at one place, whatever their own priority; among each other it counts. */
const rank = ({ type, priority, hook }: BaseChain): number => {
  if (type !== 'nat') return priority;
  return (hook === 'prerouting' || hook === 'output' ? DNAT : SNAT) + priority / 1e10;
};

const afterTracking = (way: Way): Way => ({ ...way, packet: track(way.packet) });

function track(packet: Packet): Packet {
  if (packet.tracking !== 'none') return packet;
  // Neighbour discovery has no connection (nf_conntrack_proto_icmpv6.c).
  if (packet.icmpType !== 0) return { ...packet, tracking: 'untracked', ctState: UNTRACKED };
  if (packet.direction === 'reply') return { ...packet, tracking: 'tracked', ctState: ESTABLISHED };
  // An answer without the question: TCP's is invalid, a datagram begins anew.
  if (packet.tcpFlags === SYN_ACK) return packet;
  return { ...packet, tracking: 'tracked', ctState: NEW };
}

function passBase(base: BaseChain, packet: Packet, host: TravelHost): readonly Way[] {
  if (base.hook === 'ingress' && base.device !== undefined && base.device !== packet.iif) {
    return [travels(packet)];
  }
  // Asked for the first packet of a connection only, and by no second chain once it was rewritten.
  if (base.type === 'nat' && (packet.ctState !== NEW || packet.destinationSet))
    return [travels(packet)];
  // Where nft does not say which device a chain is on, a drop there may be another one's.
  const elsewhere = base.hook === 'ingress' && base.device === undefined;
  return runBase(base, packet, host).map((outcome): Way => {
    const way = {
      packet: outcome.packet,
      by: decision(base, outcome.by),
      table: base.table,
      unjudged: outcome.unjudged,
    };
    if (outcome.end === 'accept') return { ...way, fate: 'travels', by: '', table: '' };
    if (outcome.end === 'unknown' || elsewhere) return { ...way, fate: 'unknown' };
    return { ...way, fate: outcome.end === 'drop' ? 'dropped' : 'rejected' };
  });
}

const decision = ({ table, name }: BaseChain, by: Rule | undefined): string =>
  by === undefined ? `the policy of chain ${name} in table ${table}` : `table ${table}: ${by.text}`;

function route(world: World, packet: Packet): readonly Way[] {
  const { daddr, iif, family } = packet;
  const { host } = world;
  if (isLoopback(daddr) && !(family === 'v4' && host.routesLocalnet(iif))) {
    return [kernel(packet, 'the kernel takes no loopback address from a wire')];
  }
  if (host.addressType(daddr) !== 'unicast') {
    return passHook(world, 'input', packet)
      .flatMap((way) => follow(way, (each) => answer(world, each, 'output')))
      .map((way) => arrived(way, 'delivered', neighboursFound(world, iif, packet.saddr)));
  }
  if (isLinkLocal(packet.saddr)) {
    return [kernel(packet, 'the kernel forwards no link-local source')];
  }
  if (!host.forwards(iif, family)) return [kernel(packet, `forwarding is off on ${iif}`)];
  const oif = host.routeTo(daddr);
  if (oif === undefined) return [kernel(packet, 'there is no route')];
  return passHook(world, 'forward', { ...packet, oif })
    .flatMap((way) => follow(way, (each) => passHook(world, 'postrouting', each)))
    .flatMap((way) => follow(way, (each) => answer(world, each, 'prerouting')))
    .map(byUntracked)
    .map((way) =>
      arrived(
        way,
        'forwarded',
        neighboursFound(world, iif, packet.saddr) && neighboursFound(world, oif, daddr),
      ),
    );
}

/** A datagram that answers one which was not tracked may be masqueraded, and then nobody knows it. */
const byUntracked = (way: Way): Way =>
  way.fate === 'travels' && way.packet.tracking === 'untracked' && way.packet.tcpFlags === 0
    ? {
        ...way,
        fate: 'unknown',
        by: 'a rule leaves connection tracking out: the answer may be rewritten',
      }
    : way;

/** Without neighbour discovery an IPv6 packet gets on only as long as the kernel remembers the neighbour. */
function arrived(way: Way, fate: Fate, found: boolean): Way {
  if (way.fate !== 'travels') return way;
  return found
    ? { ...way, fate }
    : {
        ...way,
        fate: 'unknown',
        by: 'the rules may drop neighbour discovery, without which IPv6 stops',
      };
}

/** Do solicitations and advertisements pass, both ways, for certain? */
function neighboursFound({ hooks, host }: World, device: string, neighbour: HexAddress): boolean {
  if (neighbour.length === 8) return true;
  const own = host.firstAddress(device, 'v6');
  if (own === undefined) return true;
  const world = { hooks, host };
  return [SOLICIT, ADVERTISE].every((icmpType) => {
    const message = { icmpType, device };
    const comes = passHook(
      world,
      'prerouting',
      discovery({ ...message, from: neighbour, to: own }, 'in'),
    );
    const goes = passHook(
      world,
      'output',
      discovery({ ...message, from: own, to: neighbour }, 'out'),
    );
    return [
      ...comes.flatMap((way) => follow(way, (each) => passHook(world, 'input', each))),
      ...goes.flatMap((way) => follow(way, (each) => passHook(world, 'postrouting', each))),
    ].every(({ fate }) => fate === 'travels');
  });
}

/** ICMPv6 types (RFC 4861). */
const SOLICIT = 135;
const ADVERTISE = 136;

function discovery(
  message: { icmpType: number; device: string; from: HexAddress; to: HexAddress },
  way: 'in' | 'out',
): Packet {
  const knock: Knock = {
    family: 'v6',
    protocol: PROTOCOLS['icmpv6'] ?? 0,
    iif: way === 'in' ? message.device : '',
    saddr: message.from,
    daddr: message.to,
    sport: 0,
    dport: 0,
  };
  const oif = way === 'out' ? message.device : '';
  return { ...firstPacket(knock), icmpType: message.icmpType, oif };
}

const isLoopback = (address: HexAddress): boolean =>
  address.length === 8 ? address.startsWith('7f') : address === `${'0'.repeat(31)}1`;

const isLinkLocal = (address: HexAddress): boolean =>
  address.length === 32 && /^fe[89ab]/.test(address);

/** The way back of what was heard first. `packet` is what arrived; so is what is answered with. */
function answer(world: World, packet: Packet, from: 'prerouting' | 'output'): readonly Way[] {
  const { host } = world;
  const out = host.routeTo(packet.saddr) ?? packet.iif;
  const reply: Packet = {
    ...packet,
    saddr: packet.daddr,
    daddr: packet.saddr,
    sport: packet.dport,
    dport: packet.sport,
    tcpFlags: packet.tcpFlags === 0 ? 0 : SYN_ACK,
    mark: 0,
    tracking: 'none',
    ctState: INVALID,
    direction: packet.tracking === 'untracked' ? 'original' : 'reply',
    iif: from === 'prerouting' ? packet.oif : '',
    oif: from === 'prerouting' ? '' : out,
  };
  const ways =
    from === 'output'
      ? passHook(world, 'output', reply)
      : passHook(world, 'prerouting', reply).flatMap((way) =>
          follow(way, (each) => passHook(world, 'forward', { ...each, oif: out })),
        );
  return ways
    .flatMap((way) => follow(way, (each) => passHook(world, 'postrouting', each)))
    .map((way): Way => {
      if (way.fate === 'travels' && packet.dnat && way.packet.tracking === 'untracked') {
        const by = 'a rule leaves tracking out for the answer, which so comes from another address';
        return { ...way, packet, fate: 'answer-dropped', by };
      }
      const fate = way.fate === 'dropped' || way.fate === 'rejected' ? 'answer-dropped' : way.fate;
      return { ...way, fate, packet };
    });
}

export const tupleOf = ({ saddr, daddr, sport, dport }: Tuple): Tuple => ({
  saddr,
  daddr,
  sport,
  dport,
});

function distinct(journeys: readonly Journey[]): readonly Journey[] {
  const known = new Map<string, Journey>();
  for (const journey of journeys) {
    const { fate, packet } = journey;
    const key = `${fate} ${packet.oif} ${packet.daddr} ${packet.dport}`;
    if (!known.has(key)) known.set(key, journey);
  }
  return [...known.values()];
}
