/** Left sides of nft's JSON expressions (libnftables-json(5)): what a packet has. */
import type { Family } from '../firewall/addresses.ts';
import { isRecord, only, text } from './nft-json.ts';
import { numberOf, type Field, type Read, type Value } from './nft-values.ts';
import { CT_STATE, CT_STATUS, PROTOCOLS, TCP_FLAGS, type Packet } from './packet.ts';
import { Unjudged } from './unjudged.ts';

/** @throws {Unjudged} on what this program knows no meaning of */
export function fieldOf(expression: unknown): Field {
  const [key, inside] = only(expression);
  switch (key) {
    case 'payload':
      return payload(inside);
    case 'meta':
      return meta(text(isRecord(inside) ? inside['key'] : undefined));
    case 'ct':
      return conntrack(inside);
    case 'fib':
      return fib(inside);
    case '&':
    case '|':
    case '^':
      return bits(key, inside);
    default:
      throw new Unjudged(key);
  }
}

const of = (kind: Field['kind'], read: Read, names?: Field['names']): Field => ({
  kind,
  read,
  ...(names && { names }),
});

function payload(inside: unknown): Field {
  const protocol = isRecord(inside) ? inside['protocol'] : undefined;
  const field = isRecord(inside) ? inside['field'] : undefined;
  if (typeof protocol !== 'string' || typeof field !== 'string') throw new Unjudged('raw payload');
  if (protocol === 'ip' || protocol === 'ip6') {
    const family: Family = protocol === 'ip' ? 'v4' : 'v6';
    const has =
      (read: (packet: Packet) => Value): Read =>
      (packet) =>
        packet.family === family ? read(packet) : undefined;
    switch (field) {
      case 'saddr':
        return {
          ...of(
            'address',
            has(({ saddr }) => saddr),
          ),
          means: 'source',
        };
      case 'daddr':
        return of(
          'address',
          has(({ daddr }) => daddr),
        );
      case 'protocol':
      case 'nexthdr':
        return of(
          'number',
          has((packet) => packet.protocol),
          PROTOCOLS,
        );
      case 'hoplimit':
        return of(
          'number',
          has((packet) => (packet.icmpType === 0 ? 'unknown' : 255)),
        );
      case 'version':
        return of(
          'number',
          has(() => (family === 'v4' ? 4 : 6)),
        );
      default:
        return of('number', (packet) => (packet.family === family ? 'unknown' : undefined));
    }
  }
  const number = protocol === 'th' ? undefined : PROTOCOLS[protocol];
  const has =
    (read: (packet: Packet) => Value): Read =>
    (packet) =>
      number === undefined || packet.protocol === number ? read(packet) : undefined;
  if (protocol !== 'th' && number === undefined) throw new Unjudged(`${protocol} ${field}`);
  switch (field) {
    case 'sport':
      return {
        ...of(
          'number',
          has(({ sport }) => sport),
        ),
        means: 'source-port',
      };
    case 'dport':
      return {
        ...of(
          'number',
          has(({ dport }) => dport),
        ),
        means: 'port',
      };
    case 'type':
      // Only neighbour discovery is ever asked about.
      return of(
        'number',
        has(({ icmpType }) => icmpType),
        ICMPV6_TYPES,
      );
    case 'flags':
      return of(
        'flags',
        has(({ tcpFlags }) => tcpFlags),
        TCP_FLAGS,
      );
    default:
      return of(
        'number',
        has(() => 'unknown'),
      );
  }
}

const ICMPV6_TYPES = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
};

const ETHERTYPES = { ip: 0x800, ip6: 0x86dd, arp: 0x806, vlan: 0x8100 };

function meta(key: string): Field {
  switch (key) {
    case 'iifname':
    case 'iif':
      return of('text', ({ iif }) => iif);
    case 'oifname':
    case 'oif':
      return of('text', ({ oif }) => oif);
    case 'l4proto':
      return of('number', ({ protocol }) => protocol, PROTOCOLS);
    case 'nfproto':
      return of('number', ({ family }) => (family === 'v4' ? 2 : 10), { ipv4: 2, ipv6: 10 });
    case 'protocol':
      return of('number', ({ family }) => ETHERTYPES[family === 'v4' ? 'ip' : 'ip6'], ETHERTYPES);
    case 'mark':
      return of('number', ({ mark }) => mark);
    case 'iifkind':
      return of('text', ({ iif }, host) => host.kindOf(iif) ?? 'unknown');
    case 'oifkind':
      return of('text', ({ oif }, host) => host.kindOf(oif) ?? 'unknown');
    case 'skuid':
    case 'skgid':
    case 'skuser':
    case 'skgroup':
      // What comes from a wire has no owner.
      return of('number', ({ iif }) => (iif === '' ? 'unknown' : undefined));
    case 'ibrname':
    case 'obrname':
      return of('text', () => undefined);
    case 'pkttype':
      return of('text', ({ iif }) => (iif === '' ? 'unknown' : 'host'));
    default:
      throw new Unjudged(`meta ${key}`);
  }
}

function conntrack(inside: unknown): Field {
  const key = isRecord(inside) ? inside['key'] : undefined;
  const dir = isRecord(inside) ? inside['dir'] : undefined;
  const known =
    (read: (packet: Packet) => Value): Read =>
    (packet) =>
      packet.tracking === 'tracked' ? read(packet) : undefined;
  const ends = (pick: 'saddr' | 'daddr' | 'sport' | 'dport', family?: Family): Read =>
    known((packet) => {
      if (dir !== 'original') return 'unknown';
      return family === undefined || family === packet.family ? packet.original[pick] : 'unknown';
    });
  switch (key) {
    case 'state':
      return of('flags', ({ ctState }) => ctState, CT_STATE);
    case 'direction':
      return of(
        'number',
        known(({ direction }) => (direction === 'original' ? 0 : 1)),
        {
          original: 0,
          reply: 1,
        },
      );
    case 'status':
      return of(
        'flags',
        known(({ dnat }) => (dnat ? (CT_STATUS['dnat'] ?? 0) : 0)),
        CT_STATUS,
      );
    case 'mark':
      return of(
        'number',
        known(({ ctMark }) => ctMark),
      );
    case 'protocol':
      return of(
        'number',
        known(({ protocol }) => protocol),
        PROTOCOLS,
      );
    case 'ip saddr':
      return { ...of('address', ends('saddr', 'v4')), means: 'source' };
    case 'ip6 saddr':
      return { ...of('address', ends('saddr', 'v6')), means: 'source' };
    case 'saddr':
      return { ...of('address', ends('saddr')), means: 'source' };
    case 'ip daddr':
      return of('address', ends('daddr', 'v4'));
    case 'ip6 daddr':
      return of('address', ends('daddr', 'v6'));
    case 'daddr':
      return of('address', ends('daddr'));
    case 'proto-src':
      return { ...of('number', ends('sport')), means: 'source-port' };
    case 'proto-dst':
      return of('number', ends('dport'));
    default:
      throw new Unjudged(`ct ${String(key)}`);
  }
}

function fib(inside: unknown): Field {
  const result = isRecord(inside) ? inside['result'] : undefined;
  const given = isRecord(inside) ? inside['flags'] : undefined;
  const flags: readonly unknown[] = Array.isArray(given) ? given : [given];
  const address = ({ saddr, daddr }: Packet): string => (flags.includes('saddr') ? saddr : daddr);
  if (result === 'type' && flags.every((flag) => flag === 'saddr' || flag === 'daddr')) {
    return of('text', (packet, host) => host.addressType(address(packet)));
  }
  if (result === 'oif' || result === 'oifname' || result === 'check') {
    return of('text', (packet, host) => {
      const device = host.routeTo(address(packet)) ?? '';
      return flags.includes('iif') && device !== packet.iif ? '' : device;
    });
  }
  throw new Unjudged('fib');
}

function bits(operator: '&' | '|' | '^', inside: unknown): Field {
  const [left, right]: readonly unknown[] = Array.isArray(inside) ? inside : [];
  const field = fieldOf(left);
  if (field.kind === 'address' || field.kind === 'text') throw new Unjudged('bits of an address');
  const mask = numberOf(right, field);
  return {
    ...of(field.kind, (packet, host) => {
      const value = field.read(packet, host);
      if (typeof value !== 'number') return value;
      if (operator === '&') return (value & mask) >>> 0;
      return operator === '|' ? (value | mask) >>> 0 : (value ^ mask) >>> 0;
    }),
    ...(field.names && { names: field.names }),
  };
}
