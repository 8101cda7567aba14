/** The way of a packet from outside through all hooks, with its answer's way back. */
import type { HexAddress } from './address-range.ts';
import { firstPacket, type Knock } from './first-packet.ts';
import { passHook, type Hooks, type TravelHost, type World } from './hooks.ts';
import { neighboursFound } from './neighbour-discovery.ts';
import type { Packet } from './packet.ts';
import { answer } from './way-back.ts';
import { follow, travels, type Fate, type Way } from './way.ts';

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

/** Every end that the packet may come to; more than one where a rule could not be judged. */
export function travel(hooks: Hooks, knock: Knock, host: TravelHost): readonly Journey[] {
  const world: World = { hooks, host };
  const ways = passHook(world, 'ingress', firstPacket(knock))
    .flatMap((way) => follow(way, (packet) => passHook(world, 'prerouting', packet)))
    .flatMap((way) => follow(way, (packet) => route(world, packet)));
  return distinct(ways.map(settled));
}

const kernel = (packet: Packet, by: string): Way => ({
  ...travels(packet),
  fate: 'refused-by-kernel',
  by,
});

const settled = (way: Way): Journey => ({
  ...way,
  fate: way.fate === 'travels' ? 'unknown' : way.fate,
});

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

const isLoopback = (address: HexAddress): boolean =>
  address.length === 8 ? address.startsWith('7f') : address === `${'0'.repeat(31)}1`;

const isLinkLocal = (address: HexAddress): boolean =>
  address.length === 32 && /^fe[89ab]/.test(address);

function distinct(journeys: readonly Journey[]): readonly Journey[] {
  const known = new Map<string, Journey>();
  for (const journey of journeys) {
    const { fate, packet } = journey;
    const key = `${fate} ${packet.oif} ${packet.daddr} ${packet.dport}`;
    if (!known.has(key)) known.set(key, journey);
  }
  return [...known.values()];
}
