/** Lookups of one or several fields in sets and maps. */
import type { Packet } from './packet.ts';
import type { HostView } from './rule-model.ts';
import { fieldOf } from './nft-fields.ts';
import { isRecord } from './nft-json.ts';
import {
  elementValue,
  wanted,
  type Field,
  type Matches,
  type NftSets,
  type Value,
} from './nft-values.ts';
import { Unjudged } from './unjudged.ts';

/** `undefined`: the packet lacks one of them. */
export type Keys = (packet: Packet, host: HostView) => readonly Value[] | 'unknown' | undefined;

export type Left = { readonly fields: readonly Field[]; readonly read: Keys };

/** One field, or `{ concat: [...] }`. */
export function leftOf(expression: unknown): Left {
  const parts: readonly unknown[] =
    isRecord(expression) && Array.isArray(expression['concat'])
      ? expression['concat']
      : [expression];
  const fields = parts.map(fieldOf);
  return {
    fields,
    read(packet, host) {
      const values: Value[] = [];
      for (const { read } of fields) {
        const value = read(packet, host);
        // Also where another one is not known: what a packet lacks matches nothing.
        if (value === undefined) return undefined;
        values.push(value);
      }
      return values.includes('unknown') ? 'unknown' : values;
    },
  };
}

/** The elements of `@name`, `{ set: [...] }` or a single value. @throws {Unjudged} */
export function elementsOf(right: unknown, sets: NftSets): readonly unknown[] {
  if (typeof right === 'string' && right.startsWith('@')) {
    const found = sets.get(right.slice(1));
    if (found === undefined) throw new Unjudged(`set ${right}`);
    return found;
  }
  if (isRecord(right) && 'set' in right) {
    const inside = right['set'];
    return Array.isArray(inside) ? inside : elementsOf(inside, sets);
  }
  return [right];
}

/** Finds the first element that holds the keys; exact ones by their text, the others one by one. */
export function lookup<T>(
  fields: readonly Field[],
  elements: readonly (readonly [key: unknown, data: T])[],
): (keys: readonly Value[]) => T | undefined {
  const exact = new Map<string, T>();
  const others: [readonly Matches[], T][] = [];
  let otherwise: { readonly data: T } | undefined;
  for (const [given, data] of elements) {
    const key = elementValue(given);
    if (key === '*' && fields[0]?.kind !== 'text') {
      otherwise = { data };
      continue;
    }
    const parts: readonly unknown[] =
      isRecord(key) && Array.isArray(key['concat']) ? key['concat'] : [key];
    const plain = fields.map((field, at) => plainKey(field, parts[at]));
    if (plain.every((each) => each !== undefined)) exact.set(plain.join(' '), data);
    else others.push([fields.map((field, at) => wanted(field, parts[at])), data]);
  }
  return (keys) => {
    const found = exact.get(keys.join(' '));
    if (found !== undefined) return found;
    const other = others.find(([all]) => all.every((matches, at) => matches(keys[at] ?? '')));
    return other === undefined ? otherwise?.data : other[1];
  };
}

const plainKey = (field: Field, part: unknown): Value | undefined => {
  if (field.kind === 'number' && typeof part === 'number') return part;
  if (field.kind === 'number' && typeof part === 'string') return field.names?.[part];
  return field.kind === 'text' && typeof part === 'string' && !part.endsWith('*')
    ? part
    : undefined;
};
