/** Reads the user's own Nginx configuration: what it includes, claims and sets, without ours. */
import { readFile, readlink, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { BlockNode } from '../core/block-tree.ts';
import type { HandWritten } from '../core/routes.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import { globPaths } from './glob-paths.ts';
import { readTree } from './nginx-tree.ts';

export type IncludeLine = {
  /** The file that holds the line. */
  readonly file: string;
  /** The block it stands in: `main`, `http`, `server` or another. */
  readonly context: string;
  /** As written, without quotes. */
  readonly pattern: string;
  /** In Nginx's order. */
  readonly matches: readonly string[];
};

export type UserConfig = {
  readonly configPath: string;
  readonly files: ReadonlyMap<string, string>;
  readonly includes: readonly IncludeLine[];
  /** Matches of include lines that are our entry file, or links to it, in the http block. */
  readonly entries: ReadonlySet<string>;
  readonly handWritten: ReadonlyMap<string, HandWritten>;
  readonly httpDirectives: ReadonlySet<string>;
  /** As an address a `listen` would name: `80`, `[::]:80`, `192.0.2.1:80`. */
  readonly defaultServers: ReadonlyMap<string, HandWritten>;
  readonly pidPath: string | undefined;
  readonly errorLogPath: string | undefined;
  /** Did nothing change on disk since? */
  isCurrent(): Promise<boolean>;
};

/**
 * @param entryPath `<nginx.dir>/portcullis.conf`; what it holds is not read
 * @throws {PortcullisError} `nginx-rejected`, naming the file that is missing or cannot be read
 */
export async function readUserConfig(configPath: string, entryPath: string): Promise<UserConfig> {
  const confDir = dirname(configPath);
  const files = new Map<string, string>();
  const stamps = new Map<string, string>();
  const includes: IncludeLine[] = [];
  const entries = new Set<string>();
  const handWritten = new Map<string, HandWritten>();
  const httpDirectives = new Set<string>();
  const defaultServers = new Map<string, HandWritten>();
  let pidPath: string | undefined;
  let errorLogPath: string | undefined;

  const note = async (path: string): Promise<void> => void stamps.set(path, await stampOf(path));

  const visitFile = async (path: string, context: string, from?: string): Promise<void> => {
    await note(path);
    const text = await readText(path, from);
    files.set(path, text);
    let nodes: readonly BlockNode[];
    try {
      nodes = readTree(text);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : '';
      throw new PortcullisError('nginx-rejected', `${path}: cannot be read: ${why}`, { cause });
    }
    for (const node of nodes) await visit(node, { path, text, context });
  };

  const visit = async (
    { name, args, children }: BlockNode,
    { path, text, context }: { path: string; text: string; context: string },
  ): Promise<void> => {
    const [first = ''] = args;
    if (name === 'include') {
      const folders: string[] = [];
      const matches = await globPaths(resolve(confDir, first), (folder) => folders.push(folder));
      for (const folder of folders) await note(folder);
      includes.push({ file: path, context, pattern: first, matches });
      for (const match of matches) {
        if (await leadsTo(match, entryPath)) {
          if (context === 'http') entries.add(match);
        } else if (!files.has(match)) {
          await visitFile(match, context, `${path}:${lineOf(text, `include ${first}`)}`);
        }
      }
      return;
    }
    if (context === 'main' && name === 'pid') pidPath = first;
    if (context === 'main' && name === 'error_log') errorLogPath = first;
    if (context === 'http') httpDirectives.add(name);
    if (context === 'server' && name === 'server_name') {
      for (const host of args) {
        if (host === '' || host === '_' || host.startsWith('~')) continue;
        const key = host.toLowerCase();
        if (!handWritten.has(key)) handWritten.set(key, { file: path, line: lineOf(text, host) });
      }
    }
    if (context === 'server' && name === 'listen') {
      if (args.includes('default_server') || args.includes('default')) {
        defaultServers.set(listenKey(first), { file: path, line: lineOf(text, 'default_server') });
      }
    }
    const inner = innerContext(context, name);
    for (const child of children ?? []) await visit(child, { path, text, context: inner });
  };

  await visitFile(configPath, 'main');
  return {
    configPath,
    files,
    includes,
    entries,
    handWritten,
    httpDirectives,
    defaultServers,
    pidPath,
    errorLogPath: errorLogPath === 'stderr' ? undefined : errorLogPath,
    async isCurrent() {
      const now = await Promise.all([...stamps.keys()].map(stampOf));
      return [...stamps.values()].every((stamp, index) => stamp === now[index]);
    },
  };
}

function innerContext(context: string, name: string): string {
  if (context === 'main' && name === 'http') return 'http';
  return context === 'http' && name === 'server' ? 'server' : 'other';
}

async function readText(path: string, from: string | undefined): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why =
      codeOf(cause) === 'ENOENT' ? 'there is no such file' : `cannot be read (${codeOf(cause)})`;
    if (from !== undefined) {
      throw new PortcullisError('nginx-rejected', `${from}: includes ${path}: ${why}`, { cause });
    }
    throw new PortcullisError(
      'nginx-missing',
      `${path}: ${why}; install Nginx ("apt-get install nginx"), or say with nginx.config where its configuration lies`,
      { cause },
    );
  }
}

/** Is `path` the entry file, or a link that leads to it? */
export async function leadsTo(path: string, entryPath: string): Promise<boolean> {
  let at = path;
  for (let hops = 0; hops < 20; hops++) {
    if (at === entryPath) return true;
    const target = await readlink(at).catch(() => undefined);
    if (target === undefined) return false;
    at = resolve(dirname(at), target);
  }
  return false;
}

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, ino, size } = await stat(path).catch(() => ({ mtimeMs: 0, ino: 0, size: 0 }));
  return `${mtimeMs} ${ino} ${size}`;
}

/** The first line of `text` that has `words` outside a comment; 1 when none has. */
function lineOf(text: string, words: string): number {
  const lines = text.split('\n').map((line) => line.replace(/#.*$/, '').replaceAll(/\s+/g, ' '));
  return (
    Math.max(
      lines.findIndex((line) => line.includes(words)),
      0,
    ) + 1
  );
}

/** `*:80` and `0.0.0.0:80` are `80`. */
function listenKey(address: string): string {
  const port = /^(?:\*|0\.0\.0\.0):(\d+)$/.exec(address)?.[1];
  if (port !== undefined) return port;
  return /^[\d.]+$/.test(address) && address.includes('.') ? `${address}:80` : address;
}
