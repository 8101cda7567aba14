/** Reads fields out of outside JSON. By hand, not by schema: a thousand containers take a few milliseconds. */
import { printable } from '../problem-text.ts';

/** JSON from outside is not what it should be. The message is one sentence that names the thing and the field. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';

  /** @param message may hold names that Docker gave; what a terminal would obey is escaped */
  constructor(message: string) {
    super(printable(message));
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isMissing = (value: unknown): value is undefined | null =>
  value === undefined || value === null;

/** @param place what the fields belong to, as `container web-1` */
export function objectAt(value: unknown, place: string): JsonObject {
  if (isObject(value)) return value;
  throw new ShapeError(`${place} must be an object, but is ${kindOf(value)}`);
}

/** An object field; a missing one is empty. */
export function objectField(from: JsonObject, key: string, place: string): JsonObject {
  const value = from[key];
  if (isMissing(value)) return {};
  if (isObject(value)) return value;
  throw wrongField(place, key, 'an object', value);
}

export function textField(from: JsonObject, key: string, place: string): string {
  const value = from[key];
  if (typeof value === 'string') return value;
  throw wrongField(place, key, 'text', value);
}

/** A text field; a missing one is ''. */
export function optionalText(from: JsonObject, key: string, place: string): string {
  return isMissing(from[key]) ? '' : textField(from, key, place);
}

export function optionalFlag(from: JsonObject, key: string, place: string): boolean {
  const value = from[key];
  if (isMissing(value)) return false;
  if (typeof value === 'boolean') return value;
  throw wrongField(place, key, 'true or false', value);
}

/** A number field from 0 to `most`, without fraction. */
export function countField(from: JsonObject, key: string, place: string, most: number): number {
  const value = from[key];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) {
    return value;
  }
  throw wrongField(place, key, `a whole number from 0 to ${most}`, value);
}

/** An array field; a missing one is empty. */
export function listField(from: JsonObject, key: string, place: string): readonly unknown[] {
  const value = from[key];
  if (isMissing(value)) return [];
  if (Array.isArray(value)) return value;
  throw wrongField(place, key, 'a list', value);
}

/** An object field whose values are all text; a missing one is empty. */
export function textMapField(
  from: JsonObject,
  key: string,
  place: string,
): Readonly<Record<string, string>> {
  const value = objectField(from, key, place);
  if (isTextMap(value)) return value;
  const [name = '', wrong] =
    Object.entries(value).find(([, each]) => typeof each !== 'string') ?? [];
  throw wrongField(place, `${key}[${JSON.stringify(name)}]`, 'text', wrong);
}

function isTextMap(value: JsonObject): value is Readonly<Record<string, string>> {
  for (const key in value) if (typeof value[key] !== 'string') return false;
  return true;
}

export function wrongField(
  place: string,
  key: string,
  expected: string,
  value: unknown,
): ShapeError {
  return new ShapeError(`${place}: ${key} must be ${expected}, but is ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const shown = JSON.stringify(value) ?? typeof value;
  return shown.length > 80 ? `${shown.slice(0, 80)}...` : shown;
}
