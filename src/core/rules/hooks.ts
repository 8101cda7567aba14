/** What meets a packet at one hook: all base chains in the kernel's order, and conntrack in between. */
import type { Family } from '../firewall/addresses.ts';
import { ESTABLISHED, NEW, SYN_ACK, UNTRACKED, type Packet } from './packet.ts';
import { runBase } from './run-chain.ts';
import type { BaseChain, Hook, HostView, Rule } from './rule-model.ts';
import { follow, travels, type Way } from './way.ts';

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

export type World = { readonly hooks: Hooks; readonly host: TravelHost };

/** All base chains of one hook by priority, with the kernel's own work in between. */
export function passHook({ hooks, host }: World, hook: Hook, start: Packet): readonly Way[] {
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
