/** Where the settings come from: flags beat the environment, the environment beats the file. */
import { readFile } from 'node:fs/promises';
import { codeOf } from './adapters/atomic-file.ts';
import { whyUnreadable } from './adapters/why-unreadable.ts';
import {
  nearestKey,
  settingKeys,
  valueFromText,
  type SettingKey,
  type SettingValue,
} from './core/settings-keys.ts';
import { settingsSchema, type Settings } from './core/settings-schema.ts';
import { shownValue } from './core/problem-text.ts';
import { PortcullisError } from './errors.ts';

export const DEFAULT_FILES = ['./portcullis.yaml', '/etc/portcullis/portcullis.yaml'];

export type LoadedSettings = {
  readonly settings: Settings;
  /** The file read, or undefined when there is none. */
  readonly file: string | undefined;
  /** Things to tell that stop nothing, as a variable that looks like ours and is not. */
  readonly warnings: readonly string[];
};

type Source = {
  readonly name: string;
  lineOf?: (path: readonly PropertyKey[]) => number | undefined;
};
type Tree = { [key: string]: unknown };

/**
 * Reads, merges and checks the settings.
 *
 * @param file from `--config`; it must exist. Without it the default places are tried.
 * @param overrides from flags, by dotted key
 * @throws {PortcullisError} `bad-setting`, with file and line, variable or flag
 */
export async function loadSettings({
  file,
  env,
  overrides = {},
}: {
  file: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  overrides?: Readonly<Record<string, SettingValue>>;
}): Promise<LoadedSettings> {
  const keys = settingKeys();
  const found = await findFile(file);
  // Without a prototype, or a key "__proto__" in the file would be one.
  const tree: Tree = Object.create(null);
  const sources = new Map<string, Source>();
  const fileSource: Source = { name: found?.path ?? 'configuration' };
  if (found) {
    const { parseYaml } = await import('./settings-file.ts'); // late: without a file it is not needed
    const { value, lineOf } = parseYaml(found.text, found.path);
    for (const [key, child] of Object.entries(value)) {
      const isSection = keys.some(({ path }) => path.length > 1 && path[0] === key);
      if (child !== null || !isSection) tree[key] = child; // else all its keys are comments
    }
    fileSource.lineOf = lineOf;
  }
  for (const key of keys) {
    const text = env[key.variable];
    if (text === undefined) continue;
    place(tree, key.path, valueFromText(text, key.type));
    sources.set(key.key, { name: `environment variable ${key.variable}` });
  }
  for (const [key, value] of Object.entries(overrides)) {
    place(tree, key.split('.'), value);
    sources.set(key, { name: 'command line' });
  }
  const parsed = settingsSchema.safeParse(tree);
  if (parsed.success) {
    return { settings: parsed.data, file: found?.path, warnings: strangers(env, keys) };
  }
  const lines = parsed.error.issues.map((issue) =>
    issueText(issue, { tree, keys, sources, fileSource }),
  );
  const [first = '', ...more] = lines;
  throw new PortcullisError('bad-setting', first, more.length ? { detail: more.join('\n') } : {});
}

async function findFile(
  given: string | undefined,
): Promise<{ path: string; text: string } | undefined> {
  for (const path of given === undefined ? DEFAULT_FILES : [given]) {
    try {
      return { path, text: await readFile(path, 'utf8') };
    } catch (cause) {
      const code = codeOf(cause);
      if (code === 'ENOENT' && given === undefined) continue;
      throw new PortcullisError(
        'bad-setting',
        code === 'ENOENT'
          ? `${path}: there is no such configuration file`
          : `${path}: ${whyUnreadable(cause)}`,
        { cause },
      );
    }
  }
  return undefined;
}

type Issue = {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
};

function issueText(
  issue: Issue,
  {
    tree,
    keys,
    sources,
    fileSource,
  }: { tree: Tree; keys: readonly SettingKey[]; sources: Map<string, Source>; fileSource: Source },
): string {
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys?.[0] : undefined;
  const path = unknownKey === undefined ? issue.path : [...issue.path, unknownKey];
  const leaf = keys.find(({ path: known }) => known.every((part, index) => path[index] === part));
  const source = (leaf && sources.get(leaf.key)) ?? fileSource;
  const line = source.lineOf?.(path);
  const where = line === undefined ? source.name : `${source.name}:${line}`;
  const key = path.map(String).join('.');
  if (unknownKey !== undefined) {
    return `${where}: ${shownValue(key)} is not a known key; ${advice(key, keys)}`;
  }
  const given = valueAt(tree, path);
  return `${where}: ${key} ${messageOf(issue)}${given === undefined ? '' : `, got ${shown(given)}`}${quotesHint(issue, given, source)}`;
}

/** The key that is meant, else those that stand beside it. */
function advice(key: string, keys: readonly SettingKey[]): string {
  const sections = keys.flatMap(({ path }) => (path.length > 1 ? [String(path[0])] : []));
  const known = [...keys.map((each) => each.key), ...new Set(sections)];
  const near = nearestKey(key, known);
  if (near !== undefined) return `the nearest is "${near}"`;
  const section = key.includes('.') ? key.slice(0, key.indexOf('.') + 1) : '';
  const beside = known.filter(
    (each) => each.startsWith(section) && !each.slice(section.length).includes('.'),
  );
  return `known are ${beside.map((each) => `"${each}"`).join(', ')}`;
}

const shown = (given: unknown): string =>
  typeof given === 'number' || typeof given === 'boolean'
    ? String(given)
    : shownValue(typeof given === 'string' ? given : JSON.stringify(given));

/** `"80"` for a number, in a file. */
function quotesHint({ code }: Issue, given: unknown, { lineOf }: Source): string {
  const quoted = typeof given === 'string' && /^(?:\d+|true|false)$/.test(given);
  return code === 'invalid_type' && quoted && lineOf ? ': write it without quotes' : '';
}

const WANTED: Readonly<Record<string, string>> = {
  array: 'must be a list, as [a, b]',
  boolean: 'must be true or false',
  object: 'must be keys and values, as { key: value }',
  string: 'must be text in quotes',
};

/** Zod says `Invalid input: expected string, received number`; ours read as `must be …`. */
function messageOf({ message }: Issue): string {
  const expected = /^Invalid input: expected (\w+)/.exec(message)?.[1];
  if (expected !== undefined) return WANTED[expected] ?? `must be ${expected}`;
  const only = /^Invalid input: expected (".*")$/.exec(message)?.[1];
  if (only !== undefined) return `must be ${only}`;
  const options = /^Invalid option: expected one of (.*)$/.exec(message)?.[1];
  return options === undefined ? message : `must be one of ${options.replaceAll('|', ', ')}`;
}

function strangers(
  env: Readonly<Record<string, string | undefined>>,
  keys: readonly SettingKey[],
): readonly string[] {
  const prefix = 'PORTCULLIS_';
  const known = keys.map((key) => key.variable.slice(prefix.length));
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.includes(name.slice(prefix.length)))
    .toSorted()
    .map((name) => {
      const near = nearestKey(name.slice(prefix.length), known);
      const hint = near === undefined ? '' : `; the nearest is ${prefix}${near}`;
      return `environment variable ${name} is not known and has no effect${hint}`;
    });
}

function place(tree: Tree, path: readonly string[], value: SettingValue): void {
  let at = tree;
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(at, part) ? at[part] : undefined;
    if (next !== undefined && !isTree(next)) return; // wrong already; the schema says so
    const child: Tree = next ?? {};
    at[part] = child;
    at = child;
  }
  at[path.at(-1) ?? ''] = value;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function valueAt(tree: Tree, path: readonly PropertyKey[]): unknown {
  let at: unknown = tree;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = Reflect.get(at, part);
  }
  return at;
}
