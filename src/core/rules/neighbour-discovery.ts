/** Without neighbour discovery IPv6 stops, whatever the rules say of a connection itself. */
import type { HexAddress } from './address-range.ts';
import { firstPacket, type Knock } from './first-packet.ts';
import { passHook, type World } from './hooks.ts';
import { PROTOCOLS, type Packet } from './packet.ts';
import { follow } from './way.ts';

/** Do solicitations and advertisements pass, both ways, for certain? */
export function neighboursFound(
  { hooks, host }: World,
  device: string,
  neighbour: HexAddress,
): boolean {
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
