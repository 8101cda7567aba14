import type { Family } from '../firewall/addresses.ts';
import type { HexAddress } from './address-range.ts';

/** IP protocol numbers. */
export const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  dccp: 33,
  sctp: 132,
  udplite: 136,
};

/** Linux' bits of a connection's state; `ct state` in nft and --ctstate in iptables. */
export const CT_STATE: Readonly<Record<string, number>> = {
  invalid: 1,
  established: 2,
  related: 4,
  new: 8,
  untracked: 64,
};

export const CT_STATUS: Readonly<Record<string, number>> = {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 16,
  dnat: 32,
  dying: 512,
};

export const TCP_FLAGS: Readonly<Record<string, number>> = {
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ecn: 64,
  cwr: 128,
};

export const SYN = TCP_FLAGS['syn'] ?? 0;
export const SYN_ACK = SYN | (TCP_FLAGS['ack'] ?? 0);
/** What the kernel says of a packet that conntrack has not seen. */
export const INVALID = CT_STATE['invalid'] ?? 0;
export const NEW = CT_STATE['new'] ?? 0;
export const ESTABLISHED = CT_STATE['established'] ?? 0;
export const UNTRACKED = CT_STATE['untracked'] ?? 0;

export type Tuple = {
  readonly saddr: HexAddress;
  readonly daddr: HexAddress;
  readonly sport: number;
  readonly dport: number;
};

/** A packet at one moment of its way through the kernel. */
export type Packet = Tuple & {
  readonly family: Family;
  /** IP protocol number. */
  readonly protocol: number;
  /** 0 where the protocol is not TCP. */
  readonly tcpFlags: number;
  /** Type of an ICMP message; 0 where it is none. */
  readonly icmpType: number;
  /** '' where there is none at this hook, as the kernel has it. */
  readonly iif: string;
  readonly oif: string;
  readonly mark: number;
  readonly ctMark: number;
  /** `none` before connection tracking has seen it. */
  readonly tracking: 'none' | 'untracked' | 'tracked';
  /** One bit of CT_STATE. */
  readonly ctState: number;
  readonly direction: 'original' | 'reply';
  /** What the first packet of the connection asked for. */
  readonly original: Tuple;
  /** The connection's destination is another one than it asked for. */
  readonly dnat: boolean;
  /** Some rule has decided the destination, so no other one is asked. */
  readonly destinationSet: boolean;
};

/** What only a running kernel knows is `unknown`, and never guessed. */
export type Tri = boolean | 'unknown';
