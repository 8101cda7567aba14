/** One rule of nft's JSON -> steps. */
import { hexAddress } from './address-range.ts';
import { elementsOf, leftOf, lookup, type Left } from './nft-lookup.ts';
import { fieldOf } from './nft-fields.ts';
import { isRecord, only, text } from './nft-json.ts';
import { numberOf, wanted, type NftSets, type Value } from './nft-values.ts';
import type { Packet, Tri } from './packet.ts';
import type { Change, HostView, Step, Verdict } from './rule-model.ts';
import { Unjudged } from './unjudged.ts';

/** @returns steps; a part whose meaning is not known is a step that says so */
export const nftSteps = (expressions: readonly unknown[], sets: NftSets): readonly Step[] =>
  expressions.flatMap((expression) => {
    try {
      return statement(expression, sets);
    } catch (error) {
      // The address of an IPv4-mapped set, a function of a newer nft: whatever it is, it is not guessed.
      if (error instanceof Unjudged || error instanceof RangeError) return [unjudged(expression)];
      throw error;
    }
  });

const MAYBE: Step = { kind: 'match', test: () => 'unknown' };
const ANYTHING: Step = { kind: 'verdict', pick: () => 'unknown' };

/** What is not known may match or not; where it takes the packet, it may do anything. */
const unjudged = (expression: unknown): Step =>
  [
    'dnat',
    'redirect',
    'queue',
    'tproxy',
    'synproxy',
    'fwd',
    'xt',
    'vmap',
    'mangle',
    'jump',
    'goto',
  ].includes(isRecord(expression) ? (Object.keys(expression)[0] ?? '') : '') &&
  !isXtMatch(expression)
    ? ANYTHING
    : MAYBE;

const isXtMatch = (expression: unknown): boolean =>
  isRecord(expression) && isRecord(expression['xt']) && expression['xt']['type'] === 'match';

function statement(expression: unknown, sets: NftSets): readonly Step[] {
  const [key, inside] = only(expression);
  switch (key) {
    case 'match':
      return [match(inside, sets)];
    case 'vmap':
      return [verdictMap(inside, sets)];
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
    case 'jump':
    case 'goto':
      return [says(verdictOf({ [key]: inside }))];
    case 'reject':
      return [says({ kind: 'reject' })];
    case 'masquerade':
    case 'snat':
      // Rewrites the source on the way out, which no path of ours asks about.
      return [says({ kind: 'accept' })];
    case 'dnat':
    case 'redirect':
      return [{ kind: 'dnat', change: destination(key, inside, sets) }];
    case 'notrack':
      return [{ kind: 'change', change: untrack }];
    case 'mangle':
      return mangle(inside);
    case 'counter':
    case 'log':
    case 'last':
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'flow':
    case 'dup':
    case 'secmark':
    case 'comment':
      return [];
    case 'set':
      // Adding an element is only memory; with a limit of its own it also decides.
      return isRecord(inside) && inside['stmt'] === undefined ? [] : [MAYBE];
    case 'limit':
    case 'quota':
    case 'ct count':
    case 'meter':
      return [MAYBE];
    default:
      throw new Unjudged(key);
  }
}

const says = (verdict: Verdict): Step => ({ kind: 'verdict', pick: () => verdict });

export const untrack: Change = (packet) =>
  packet.tracking === 'none' ? { ...packet, tracking: 'untracked', ctState: UNTRACKED } : packet;
const UNTRACKED = 64;

function match(inside: unknown, sets: NftSets): Step {
  const { op, left, right } = isRecord(inside) ? inside : {};
  const keys = leftOf(left);
  const test = comparison(String(op), keys, right, sets);
  return {
    kind: 'match',
    test(packet, host) {
      const values = keys.read(packet, host);
      if (values === undefined) return false;
      return values === 'unknown' ? 'unknown' : test(values);
    },
  };
}

function comparison(
  op: string,
  { fields }: Left,
  right: unknown,
  sets: NftSets,
): (values: readonly Value[]) => Tri {
  const [field] = fields;
  if (field === undefined) throw new Unjudged('nothing compared');
  if (op === '<' || op === '>' || op === '<=' || op === '>=') {
    const limit = field.kind === 'address' ? hexAddress(text(right)) : numberOf(right, field);
    return ([value = '']) => {
      if (op === '<') return value < limit;
      if (op === '>') return value > limit;
      return op === '<=' ? value <= limit : value >= limit;
    };
  }
  if (op === 'in' && field.kind === 'flags') {
    const mask = numberOf(right, field);
    return ([value]) => (Number(value) & mask) !== 0;
  }
  if (op !== '==' && op !== '!=' && op !== 'in') throw new Unjudged(op);
  const isSet =
    (typeof right === 'string' && right.startsWith('@')) || (isRecord(right) && 'set' in right);
  if (fields.length > 1 || isSet) {
    const elements = elementsOf(right, sets).map((element) => [element, true] as const);
    const find = lookup(fields, elements);
    return (values) => (find(values) === true) === (op !== '!=');
  }
  const matches = wanted(field, right);
  return ([value = '']) => matches(value) === (op !== '!=');
}

export function verdictOf(value: unknown): Verdict {
  const [key, inside] = only(value);
  switch (key) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
      return { kind: key };
    case 'jump':
    case 'goto':
      return { kind: key, chain: text(isRecord(inside) ? inside['target'] : undefined) };
    default:
      throw new Unjudged(key);
  }
}

function verdictMap(inside: unknown, sets: NftSets): Step {
  const { key, data } = isRecord(inside) ? inside : {};
  const keys = leftOf(key);
  const find = lookup(keys.fields, pairsOf(data, sets, verdictOf));
  return {
    kind: 'verdict',
    pick(packet, host) {
      const values = keys.read(packet, host);
      return values === 'unknown' || values === undefined ? values : (find(values) ?? NO_MATCH);
    },
  };
}
/** A map without the key ends the rule. */
const NO_MATCH: Verdict = { kind: 'continue' };

function pairsOf<T>(
  data: unknown,
  sets: NftSets,
  read: (value: unknown) => T,
): readonly (readonly [unknown, T])[] {
  return elementsOf(data, sets).map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new Unjudged('a map without pairs');
    const [key, value]: readonly unknown[] = pair;
    return [key, read(value)];
  });
}

/** Where DNAT sends: `undefined` parts stay as they are. */
type Target = { readonly address?: string; readonly port?: number };
type FindTarget = (packet: Packet, host: HostView) => Target | 'unknown' | undefined;

function destination(key: 'dnat' | 'redirect', inside: unknown, sets: NftSets): Change {
  const { addr, port, family } = isRecord(inside) ? inside : {};
  const find = target(addr, port, sets);
  return (packet, host) => {
    if (family === 'ip' && packet.family !== 'v4') return undefined;
    if (family === 'ip6' && packet.family !== 'v6') return undefined;
    const found = find(packet, host);
    if (found === 'unknown' || found === undefined) return found;
    const address =
      key === 'redirect' ? host.firstAddress(packet.iif, packet.family) : found.address;
    if (key === 'redirect' && address === undefined) return 'unknown';
    return rewritten(packet, { ...found, ...(address !== undefined && { address }) });
  };
}

/** As the kernel rewrites the destination of a connection's first packet. */
export function rewritten(packet: Packet, { address, port }: Target): Packet {
  const [daddr, dport] = [address ?? packet.daddr, port ?? packet.dport];
  // What is sent where it was going anyway is not called DNAT (nf_nat_core.c).
  const dnat = daddr !== packet.daddr || dport !== packet.dport;
  return { ...packet, daddr, dport, dnat, destinationSet: true };
}

function target(addr: unknown, port: unknown, sets: NftSets): FindTarget {
  if (isRecord(addr) && 'map' in addr) {
    const { key, data } = isRecord(addr['map']) ? addr['map'] : {};
    const keys = leftOf(key);
    const find = lookup(keys.fields, pairsOf(data, sets, mapTarget));
    return (packet, host) => {
      const values = keys.read(packet, host);
      return values === 'unknown' || values === undefined ? values : find(values);
    };
  }
  const constant: Target = {
    ...(addr !== undefined && { address: oneAddress(addr) }),
    ...(port !== undefined && { port: onePort(port) }),
  };
  return () => constant;
}

const mapTarget = (value: unknown): Target => {
  if (!isRecord(value) || !Array.isArray(value['concat'])) return { address: oneAddress(value) };
  const [address, port]: readonly unknown[] = value['concat'];
  return { address: oneAddress(address), port: onePort(port) };
};

const oneAddress = (value: unknown): string => hexAddress(text(value));

const onePort = (value: unknown): number => {
  if (typeof value === 'number') return value;
  throw new Unjudged('a range of ports');
};

function mangle(inside: unknown): readonly Step[] {
  const { key, value } = isRecord(inside) ? inside : {};
  const [what, which] = only(key);
  const name = isRecord(which) ? String(which['key'] ?? which['field']) : '';
  const mark = (what === 'meta' || what === 'ct') && name === 'mark' ? `${what} mark` : undefined;
  if (mark === undefined) {
    if (what === 'payload' && /^(saddr|daddr|sport|dport)$/.test(name)) throw new Unjudged(name);
    return [];
  }
  const read = numeric(value);
  return [
    {
      kind: 'change',
      change(packet, host) {
        const number = read(packet, host);
        if (number === undefined || number === 'unknown') return number;
        return { ...packet, [mark === 'meta mark' ? 'mark' : 'ctMark']: Number(number) };
      },
    },
  ];
}

function numeric(value: unknown): (packet: Packet, host: HostView) => Value | undefined {
  if (typeof value === 'number') return () => value;
  return fieldOf(value).read;
}
