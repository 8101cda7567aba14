/** The matches of iptables -> tests. What is not listed here is not judged. */
import { inRange, rangeOf } from './address-range.ts';
import type { Group, RuleOption } from './iptables-words.ts';
import { CT_STATUS, PROTOCOLS, TCP_FLAGS, type Packet, type Tri } from './packet.ts';
import type { HostView } from './rule-model.ts';
import { Unjudged } from './unjudged.ts';

export type Test = (packet: Packet, host: HostView) => Tri;

/** Unknown where a part is not known and no other part fails. */
export const testsOf = (group: Group): readonly Test[] => {
  try {
    return judged(group);
  } catch (error) {
    if (error instanceof Unjudged || error instanceof RangeError) return [() => 'unknown'];
    throw error;
  }
};

function judged({ module, options }: Group): readonly Test[] {
  switch (module) {
    case '':
      return options.map(ownOption);
    case 'comment':
      return [];
    case 'tcp':
    case 'udp':
    case 'sctp':
    case 'dccp':
    case 'udplite': {
      const protocol = PROTOCOLS[module];
      return [(packet) => packet.protocol === protocol, ...options.map(portOption)];
    }
    case 'multiport':
      return options.map(portOption);
    case 'conntrack':
      return [conntrack(options)];
    case 'state':
      return [conntrack(options.map((each) => ({ ...each, name: '--ctstate' })))];
    case 'addrtype':
      return options.map(addressType);
    case 'mark':
      return options.map((option) => mark(option, (packet) => packet.mark));
    case 'connmark':
      return options.map((option) => mark(option, (packet) => packet.ctMark));
    case 'iprange':
      return options.map(ownOption);
    case 'physdev':
      // Only a frame that a bridge passes on has one; what is asked here is routed.
      return options.map(
        ({ negated }) =>
          () =>
            negated,
      );
    case 'rt':
    case 'frag':
    case 'hbh':
    case 'dst':
    case 'mh':
    case 'ah':
    case 'esp':
      // Headers that no packet asked about has; without them these match nothing, negated or not.
      return [() => false];
    case 'policy':
      return [plainPolicy(options)];
    case 'pkttype':
      return options.map(({ values, negated }) => {
        const is = values[0] === 'unicast' || values[0] === 'host';
        return ({ iif }) => (iif === '' ? 'unknown' : is !== negated);
      });
    case 'icmp6':
      // Only neighbour discovery is ever asked about.
      return options.map(({ name, values, negated }) => {
        const type = Number((values[0] ?? '').split('/')[0]);
        if (name !== '--icmpv6-type' || Number.isNaN(type)) throw new Unjudged(name);
        return not(({ icmpType }) => icmpType === type, negated);
      });
    case 'hl':
      return options.map(({ name, values, negated }) => (packet) => {
        if (packet.icmpType === 0 || name !== '--hl-eq') return 'unknown';
        return (values[0] === '255') !== negated;
      });
    case 'owner':
      // What comes from a wire has no owner.
      return options.map(
        ({ negated }) =>
          ({ iif }) =>
            iif === '' ? 'unknown' : negated,
      );
    default:
      throw new Unjudged(module);
  }
}

const not = (test: (packet: Packet, host: HostView) => boolean, negated: boolean): Test =>
  negated ? (packet, host) => !test(packet, host) : test;

function ownOption({ name, values, negated }: RuleOption): Test {
  const [value = ''] = values;
  switch (name) {
    case '-s':
    case '--src-range': {
      const range = rangeOf(value);
      return not(({ saddr }) => inRange(saddr, range), negated);
    }
    case '-d':
    case '--dst-range': {
      const range = rangeOf(value);
      return not(({ daddr }) => inRange(daddr, range), negated);
    }
    case '-i':
      return not(
        named(value, ({ iif }) => iif),
        negated,
      );
    case '-o':
      return not(
        named(value, ({ oif }) => oif),
        negated,
      );
    case '-p': {
      if (value === 'all') return () => !negated;
      const protocol = PROTOCOLS[value] ?? Number(value);
      if (Number.isNaN(protocol)) throw new Unjudged(value);
      return not((packet) => packet.protocol === protocol, negated);
    }
    case '-f':
      return () => negated;
    default:
      throw new Unjudged(name);
  }
}

function named(pattern: string, of: (packet: Packet) => string): (packet: Packet) => boolean {
  if (!pattern.endsWith('+')) return (packet) => of(packet) === pattern;
  const start = pattern.slice(0, -1);
  return (packet) => of(packet).startsWith(start);
}

/** `80`, `80:90`, `80,443,1000:2000`. */
export function portRanges(text: string): readonly (readonly [low: number, high: number])[] {
  return text.split(',').map((part) => {
    const [low = '', high = low] = part.split(':');
    const ends: readonly [number, number] = [Number(low || 0), Number(high || 65_535)];
    if (ends.some(Number.isNaN)) throw new Unjudged(text);
    return ends;
  });
}

const within = (port: number, ranges: ReturnType<typeof portRanges>): boolean =>
  ranges.some(([low, high]) => port >= low && port <= high);

const HAS_PORTS: readonly (number | undefined)[] = [6, 17, 33, 132, 136];

function portOption({ name, values, negated }: RuleOption): Test {
  switch (name) {
    case '--dport':
    case '--dports':
    case '--sport':
    case '--sports':
    case '--ports': {
      const ranges = portRanges(values[0] ?? '');
      return ({ protocol, sport, dport }) => {
        if (!HAS_PORTS.includes(protocol)) return false;
        const source = name.startsWith('--s') && within(sport, ranges);
        const destination = name.startsWith('--d') && within(dport, ranges);
        const either = name === '--ports' && (within(sport, ranges) || within(dport, ranges));
        return (source || destination || either) !== negated;
      };
    }
    case '--tcp-flags': {
      const [mask, set] = [flagBits(values[0] ?? ''), flagBits(values[1] ?? '')];
      return not(({ tcpFlags }) => (tcpFlags & mask) === set, negated);
    }
    default:
      throw new Unjudged(name);
  }
}

function flagBits(text: string): number {
  if (text === 'ALL') return 63;
  if (text === 'NONE') return 0;
  return text.split(',').reduce((all, name) => {
    const bit = TCP_FLAGS[name.toLowerCase()];
    if (bit === undefined) throw new Unjudged(name);
    return all | bit;
  }, 0);
}

/** As xt_conntrack.c: a packet without a connection is judged by its state alone. */
function conntrack(options: readonly RuleOption[]): Test {
  const state = options.find(({ name }) => name === '--ctstate');
  const rest = options.filter((option) => option !== state).map(conntrackOption);
  const states = (state?.values[0] ?? '').split(',');
  return (packet, host) => {
    if (state !== undefined) {
      const is =
        states.some((name) => STATES[name] === packet.ctState) ||
        (packet.tracking === 'tracked' && packet.dnat && states.includes('DNAT'));
      if (is === state.negated) return false;
    }
    if (packet.tracking !== 'tracked') return state !== undefined;
    let answer: Tri = true;
    for (const test of rest) {
      const each = test(packet, host);
      if (each === false) return false;
      if (each === 'unknown') answer = 'unknown';
    }
    return answer;
  };
}

const STATES: Readonly<Record<string, number>> = {
  INVALID: 1,
  ESTABLISHED: 2,
  RELATED: 4,
  NEW: 8,
  UNTRACKED: 64,
};

function conntrackOption({ name, values, negated }: RuleOption): Test {
  const [value = ''] = values;
  switch (name) {
    case '--ctdir':
      return ({ direction }) => direction === value.toLowerCase();
    case '--ctproto': {
      const protocol = PROTOCOLS[value] ?? Number(value);
      return not((packet) => packet.protocol === protocol, negated);
    }
    case '--ctstatus': {
      const mask = value.split(',').reduce((all, each) => {
        if (each === 'NONE') throw new Unjudged(each);
        return all | (STATUS_BITS[each] ?? 0);
      }, 0);
      // A first packet has seen no reply and nothing has confirmed it; an answer has.
      return not(({ direction }) => ((direction === 'reply' ? 2 + 8 : 0) & mask) !== 0, negated);
    }
    case '--ctorigsrc':
    case '--ctorigdst': {
      const range = rangeOf(value);
      const end = name === '--ctorigsrc' ? 'saddr' : 'daddr';
      return not(({ original }) => inRange(original[end], range), negated);
    }
    case '--ctorigsrcport':
    case '--ctorigdstport': {
      const ranges = portRanges(value);
      const end = name === '--ctorigsrcport' ? 'sport' : 'dport';
      return not(({ original }) => within(original[end], ranges), negated);
    }
    default:
      throw new Unjudged(name);
  }
}

const STATUS_BITS: Readonly<Record<string, number>> = {
  EXPECTED: CT_STATUS['expected'] ?? 0,
  SEEN_REPLY: CT_STATUS['seen-reply'] ?? 0,
  ASSURED: CT_STATUS['assured'] ?? 0,
  CONFIRMED: CT_STATUS['confirmed'] ?? 0,
};

function addressType({ name, values, negated }: RuleOption): Test {
  if (name !== '--src-type' && name !== '--dst-type') throw new Unjudged(name);
  const types = (values[0] ?? '').toLowerCase().split(',');
  if (!types.every((type) => KNOWN_TYPES.includes(type))) throw new Unjudged(types.join());
  return ({ family, saddr, daddr }, host) => {
    const type = host.addressType(name === '--src-type' ? saddr : daddr);
    // For IPv6 xt_addrtype asks for each by itself, and every address but multicast is unicast.
    const is =
      family === 'v4'
        ? types.includes(type)
        : types.every((each) => (each === 'unicast' ? type !== 'multicast' : each === type));
    return is !== negated;
  };
}
const KNOWN_TYPES: readonly string[] = ['local', 'unicast', 'broadcast', 'multicast'];

function mark({ name, values, negated }: RuleOption, of: (packet: Packet) => number): Test {
  if (name !== '--mark') throw new Unjudged(name);
  const [value = '', mask = '0xffffffff'] = (values[0] ?? '').split('/');
  const [want, bits] = [Number(value), Number(mask)];
  return not((packet) => (of(packet) & bits) >>> 0 === want, negated);
}

/** IPsec: what is asked here comes in the clear. */
function plainPolicy(options: readonly RuleOption[]): Test {
  const policy = options.find(({ name }) => name === '--pol')?.values[0];
  if (policy !== 'none' && policy !== 'ipsec') throw new Unjudged('policy');
  return () => policy === 'none';
}
