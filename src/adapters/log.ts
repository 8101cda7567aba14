import { shownValue } from '../core/problem-text.ts';

export const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** One event a line: a name and fields. */
export type Log = { readonly [L in Level]: (event: string, fields?: Fields) => void };

export type LogOptions = {
  readonly level: Level;
  readonly format: 'pretty' | 'json';
  readonly color: boolean;
  readonly write: (line: string) => void;
  readonly now: () => Date;
};

const COLORS: Readonly<Record<Level, string>> = {
  error: '31',
  warn: '33',
  info: '32',
  debug: '90',
};

export function createLog({ level, format, color, write, now }: LogOptions): Log {
  const most = LEVELS.indexOf(level);
  const at =
    (lineLevel: Level) =>
    (event: string, fields: Fields = {}): void => {
      if (LEVELS.indexOf(lineLevel) > most) return;
      const time = now().toISOString();
      if (format === 'json') {
        write(`${JSON.stringify({ time, level: lineLevel, event, ...fields })}\n`);
        return;
      }
      const name = color ? `\u001b[${COLORS[lineLevel]}m${lineLevel}\u001b[0m` : lineLevel;
      const pairs = Object.entries(fields).flatMap(([key, value]) =>
        value === undefined ? [] : [`${key}=${shown(value)}`],
      );
      write(
        [time, name.padEnd(5 + name.length - lineLevel.length), event, ...pairs].join(' ') + '\n',
      );
    };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** Container names and labels may hold anything, terminal escapes too. */
function shown(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  if (/^[\w./:@*,+=-]+$/.test(value)) return value;
  return value.length > 80
    ? JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, '?')
    : shownValue(value);
}
