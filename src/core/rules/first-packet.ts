/** A packet as it is before any rule has seen it. */
import type { Family } from '../firewall/addresses.ts';
import { INVALID, PROTOCOLS, SYN, type Packet, type Tuple } from './packet.ts';

/** The first packet of a connection, as it comes from the wire. */
export type Knock = Tuple & {
  readonly family: Family;
  readonly protocol: number;
  readonly iif: string;
};

export const firstPacket = (knock: Knock): Packet => ({
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

const tupleOf = ({ saddr, daddr, sport, dport }: Tuple): Tuple => ({
  saddr,
  daddr,
  sport,
  dport,
});
