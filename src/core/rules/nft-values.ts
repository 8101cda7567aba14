/** Right sides of nft's JSON expressions (libnftables-json(5)): what is wanted of a packet's field. */
import { hexAddress, inRange, prefixRange, rangeOf, type AddressRange } from './address-range.ts';
import { isRecord, only, text } from './nft-json.ts';
import type { Packet } from './packet.ts';
import type { HostView } from './rule-model.ts';
import { Unjudged } from './unjudged.ts';

export type Value = string | number;
/** The value `unknown`: only a running kernel knows. `undefined`: the packet has no such thing, so no rule with it matches. */
export type Read = (packet: Packet, host: HostView) => Value | undefined;

export type Field = {
  readonly kind: 'address' | 'number' | 'text' | 'flags';
  readonly read: Read;
  readonly names?: Readonly<Record<string, number>>;
  /** What a rule about it tells apart, for the packets worth trying. */
  readonly means?: 'source' | 'source-port' | 'port';
};

export type Matches = (value: Value) => boolean;

/** Named sets and maps of one table. */
export type NftSets = ReadonlyMap<string, readonly unknown[]>;

/** A number, a name of one, or several names as bits. @throws {Unjudged} */
export function numberOf(value: unknown, { names = {} }: Pick<Field, 'names'>): number {
  if (typeof value === 'number') return value;
  if (Array.isArray(value))
    return value.reduce((all: number, each) => all | numberOf(each, { names }), 0);
  if (isRecord(value) && '|' in value) return numberOf(value['|'], { names });
  if (typeof value === 'string') {
    const known = names[value] ?? (/^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : undefined);
    if (known !== undefined) return known;
  }
  throw new Unjudged(JSON.stringify(value));
}

/** What `==` wants. @throws {Unjudged} */
export function wanted(field: Field, right: unknown): Matches {
  if (typeof right === 'boolean') return (value) => (value !== '') === right;
  if (isRecord(right)) {
    if ('set' in right) return anyOf(field, right['set']);
    if ('prefix' in right || 'range' in right) {
      const { low, high } = boundsOf(field, right);
      return (value) => value >= low && value <= high && sameSort(value, low);
    }
    if ('elem' in right) return wanted(field, elementValue(right));
  }
  switch (field.kind) {
    case 'address': {
      if (right === '*') return () => true;
      const range = addressRange(text(right));
      return (value) => typeof value === 'string' && inRange(value, range);
    }
    case 'text': {
      const name = text(right);
      if (name.endsWith('*')) {
        const start = name.slice(0, -1);
        return (value) => String(value).startsWith(start);
      }
      return (value) => value === name;
    }
    case 'number':
    case 'flags':
    default: {
      if (right === '*') return () => true;
      const number = numberOf(right, field);
      return (value) => value === number;
    }
  }
}

const sameSort = (a: Value, b: Value): boolean =>
  typeof a === typeof b && (typeof a !== 'string' || a.length === String(b).length);

function anyOf(field: Field, elements: unknown): Matches {
  const all = (Array.isArray(elements) ? elements : [elements]).map((each) => wanted(field, each));
  return (value) => all.some((matches) => matches(value));
}

export const elementValue = (element: unknown): unknown => {
  if (!isRecord(element) || !('elem' in element)) return element;
  const inside = element['elem'];
  return isRecord(inside) && 'val' in inside ? inside['val'] : inside;
};

export function addressRange(address: string): AddressRange {
  try {
    return rangeOf(address);
  } catch {
    throw new Unjudged(address);
  }
}

/** Both ends of `{prefix}` and `{range}`, in the field's own kind. */
export function boundsOf(field: Field, value: unknown): { low: Value; high: Value } {
  const [key, inside] = only(value);
  if (key === 'prefix' && isRecord(inside)) {
    try {
      return prefixRange(text(inside['addr']), Number(inside['len']));
    } catch {
      throw new Unjudged(JSON.stringify(value));
    }
  }
  const [low, high]: readonly unknown[] = Array.isArray(inside) ? inside : [];
  if (field.kind !== 'address') return { low: numberOf(low, field), high: numberOf(high, field) };
  return { low: hexAddress(text(low)), high: hexAddress(text(high)) };
}
