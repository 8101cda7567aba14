import { closest, distance } from 'fastest-levenshtein';
import * as z from 'zod';
import { settingsSchema } from './settings-schema.ts';

export type SettingValue = string | number | boolean | readonly string[];
export type SettingKey = {
  readonly path: readonly string[];
  /** `nginx.dir` */
  readonly key: string;
  /** `PORTCULLIS_NGINX_DIR` */
  readonly variable: string;
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  /** As in the variable: lists with commas, times with their unit. */
  readonly default: string;
  /** Undefined: too many to list. */
  readonly choices: readonly string[] | undefined;
};

/** Every key of the configuration, leaves only. */
export function settingKeys(): readonly SettingKey[] {
  return leaves(settingsSchema.shape, []);
}

function leaves(shape: object, path: readonly string[]): readonly SettingKey[] {
  return Object.entries(shape).flatMap(
    ([name, schema]: [string, unknown]): readonly SettingKey[] => {
      const here = [...path, name];
      if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)) {
        throw new Error(`${here.join('.')} has no default`);
      }
      const inner = schema.unwrap();
      if (inner instanceof z.ZodObject) return leaves(inner.shape, here);
      const byDefault = schema.def.defaultValue;
      return [
        {
          path: here,
          key: here.join('.'),
          variable: `PORTCULLIS_${here.join('_').toUpperCase()}`,
          type: typeOf(byDefault),
          default: String(byDefault),
          choices: choicesOf(inner),
        },
      ];
    },
  );
}

function typeOf(value: unknown): SettingKey['type'] {
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'string';
}

function choicesOf(schema: unknown): readonly string[] | undefined {
  if (schema instanceof z.ZodBoolean) return ['true', 'false'];
  return schema instanceof z.ZodEnum ? schema.options.map(String) : undefined;
}

/**
 * An environment variable's text as the type its key wants. Text that does not fit stays text, so
 * that the schema says what is wrong with it.
 */
export function valueFromText(text: string, type: SettingKey['type']): SettingValue {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  if (type === 'number' && /^\d{1,9}$/.test(text)) return Number(text);
  if (type === 'list') {
    return text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
  }
  return text;
}

/** The known key that is meant, most likely: a few letters off, or cut short. */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const asked = key.slice(0, 60);
  const best = closest(asked, [...known]);
  if (distance(asked, best) * 3 <= asked.length) return best;
  return known.find((each) => asked.length > 2 && each.startsWith(asked));
}
