/** Reading nft's JSON (libnftables-json(5)) piece by piece. */
import { Unjudged } from './unjudged.ts';

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = (value: unknown): string => {
  if (typeof value === 'string') return value;
  throw new Unjudged(`not text: ${JSON.stringify(value)}`);
};

/** The one key of `{ key: … }`. */
export function only(value: unknown): readonly [key: string, inside: unknown] {
  const [entry] = isRecord(value) ? Object.entries(value) : [];
  if (entry === undefined) throw new Unjudged(`not an expression: ${JSON.stringify(value)}`);
  return entry;
}
