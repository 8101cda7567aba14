import { closest, distance } from 'fastest-levenshtein';
import { settingsSchema } from './settings-schema.ts';

export type SettingValue = string | number | boolean | readonly string[];
export type SettingKey = {
  readonly path: readonly string[];
  /** `nginx.dir` */
  readonly key: string;
  /** `PORTCULLIS_NGINX_DIR` */
  readonly variable: string;
  readonly type: 'string' | 'number' | 'boolean' | 'list';
};

/** Times are written as text, though the schema gives milliseconds. */
const TIMES = 'watch';

/** Every key of the configuration, leaves only. */
export function settingKeys(): readonly SettingKey[] {
  return leaves(settingsSchema.parse({}), []);
}

function leaves(value: object, path: readonly string[]): readonly SettingKey[] {
  return Object.entries(value).flatMap(
    ([name, child]: [string, unknown]): readonly SettingKey[] => {
      const here = [...path, name];
      if (typeof child === 'object' && child !== null && !Array.isArray(child)) {
        return leaves(child, here);
      }
      return [
        {
          path: here,
          key: here.join('.'),
          variable: `PORTCULLIS_${here.join('_').toUpperCase()}`,
          type: Array.isArray(child) ? 'list' : path[0] === TIMES ? 'string' : typeOf(child),
        },
      ];
    },
  );
}

function typeOf(value: unknown): 'string' | 'number' | 'boolean' {
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'string';
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
