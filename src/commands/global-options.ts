import { styleText } from 'node:util';
import { createLog, type Level, type Log } from '../adapters/log.ts';
import type { SettingValue } from '../core/settings-keys.ts';
import type { LoadedSettings } from '../settings.ts';

export type GlobalOptions = {
  readonly config?: string;
  readonly docker?: string;
  readonly logLevel: Level;
  readonly logFormat: 'pretty' | 'json';
  readonly color: boolean;
};

export function logFor({ logLevel, logFormat, color }: GlobalOptions): Log {
  const noColor = (process.env['NO_COLOR'] ?? '') !== '';
  return createLog({
    level: logLevel,
    format: logFormat,
    color: color && !noColor && process.stderr.isTTY,
    write: (line) => process.stderr.write(line),
    now: () => new Date(),
  });
}

export async function settingsFor(
  { config }: GlobalOptions,
  log: Log,
  overrides: Readonly<Record<string, SettingValue>> = {},
): Promise<LoadedSettings> {
  const { loadSettings } = await import('../settings.ts'); // late: --help must not pay for it
  const loaded = await loadSettings({ file: config, env: process.env, overrides });
  for (const warning of loaded.warnings) log.warn('setting-ignored', { warning });
  return loaded;
}

/** Colours for a stream: what is drawn where nobody wants them is the text itself. */
export type Paint = (colour: 'red' | 'green' | 'yellow' | 'bold', text: string) => string;

export function paintFor({ color }: GlobalOptions, stream: { readonly isTTY?: boolean }): Paint {
  const wanted = color && (process.env['NO_COLOR'] ?? '') === '' && stream.isTTY === true;
  return wanted
    ? (colour, text) => styleText(colour, text, { validateStream: false })
    : (_colour, text) => text;
}
