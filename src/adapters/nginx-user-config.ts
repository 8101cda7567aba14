/** Reads the user's own Nginx configuration: what it includes, claims and sets, without ours. */
import { dirname, resolve } from 'node:path';
import { NginxSyntaxError, readBlocks, type LinedBlock } from '../core/nginx-blocks.ts';
import { userFacts, type PlacedBlock, type UserFacts } from '../core/user-config-facts.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import { localFiles, type ConfigFiles } from './config-files.ts';
import { whyUnreadable } from './why-unreadable.ts';
import { globPaths, matchesGlob } from './glob-paths.ts';

export type IncludeLine = {
  /** The file that holds the line. */
  readonly file: string;
  readonly line: number;
  /** Offsets of the directive in the file's text, its `;` included. */
  readonly start: number;
  readonly end: number;
  /** The block it stands in: `main`, `http`, `server` or another. */
  readonly context: string;
  /** As written, without quotes. */
  readonly pattern: string;
  /** In Nginx's order. */
  readonly matches: readonly string[];
};

export type UserConfig = UserFacts & {
  readonly configPath: string;
  readonly files: ReadonlyMap<string, string>;
  modeOf(path: string): Promise<number>;
  /** Those of one file in its order. */
  readonly includes: readonly IncludeLine[];
  /** Matches of include lines that are our entry file, or links to it, in the http block. */
  readonly entries: ReadonlySet<string>;
  /** Names in the main configuration's folder. */
  readonly neighbours: readonly string[];
  /** Did nothing change on disk since? */
  isCurrent(): Promise<boolean>;
};

type Loaded = {
  readonly path: string;
  readonly text: string;
  readonly nodes: readonly LinedBlock[];
};
type Place = { readonly file: Loaded; readonly context: string; readonly open: readonly string[] };

/**
 * @param entryPath `<nginx.dir>/portcullis.conf`; what it holds is not read
 * @throws {PortcullisError} `nginx-rejected` with file and line, or `nginx-missing`
 */
export async function readUserConfig(
  configPath: string,
  entryPath: string,
  source: ConfigFiles = localFiles,
): Promise<UserConfig> {
  const confDir = dirname(configPath);
  const stamps = new Map<string, Promise<string>>();
  const loading = new Map<string, Promise<Loaded>>();
  const includes = new Map<string, IncludeLine>();
  const entries = new Set<string>();

  const note = (path: string): void => {
    if (stamps.has(path)) return;
    const stamp = source.stamp(path);
    stamp.catch(() => {}); // awaited once all is read
    stamps.set(path, stamp);
  };

  const load = (path: string, from?: string): Promise<Loaded> => {
    let file = loading.get(path);
    if (!file) {
      note(path);
      file = loadFile(source, path, from);
      file.catch(() => {}); // whoever asked hears of it
      loading.set(path, file);
    }
    return file;
  };

  const follow = async (node: LinedBlock, place: Place): Promise<readonly PlacedBlock[]> => {
    const { file, context, open } = place;
    const at = `${file.path}:${node.line}`;
    const { line, start, end } = node;
    const pattern = node.args[0] ?? '';
    const include = { file: file.path, line, start, end, context, pattern };
    // Its place among the others is that in the file, however long the folders take to read.
    includes.set(`${file.path} ${start}`, { ...include, matches: [] });
    const found = await globPaths(resolve(confDir, pattern), { source, seen: note });
    // Before the first generation there is nothing to match: `<nginx.dir>/*.conf` includes us still.
    const isOurs = !found.includes(entryPath) && matchesGlob(resolve(confDir, pattern), entryPath);
    const matches = isOurs ? [...found, entryPath].toSorted() : found;
    includes.set(`${file.path} ${start}`, { ...include, matches });
    const expanded = await Promise.all(
      matches.map(async (match): Promise<readonly PlacedBlock[]> => {
        if (await leadsTo(match, entryPath, source)) {
          if (context === 'http') entries.add(match);
          return [];
        }
        if (open.includes(match)) {
          throw new PortcullisError('nginx-rejected', `${at}: ${match} includes itself`);
        }
        const inner = await load(match, at);
        return expand(inner.nodes, { file: inner, context, open: [...open, match] });
      }),
    );
    return expanded.flat();
  };

  const expand = async (
    nodes: readonly LinedBlock[],
    place: Place,
  ): Promise<readonly PlacedBlock[]> => {
    const expanded = await Promise.all(
      nodes.map(async (node): Promise<readonly PlacedBlock[]> => {
        const { name, args, line, children } = node;
        if (name === 'include' && !children) return follow(node, place);
        const placed = { name, args, line, file: place.file.path };
        if (!children) return [placed];
        const context = innerContext(place.context, name);
        return [{ ...placed, children: await expand(children, { ...place, context }) }];
      }),
    );
    return expanded.flat();
  };

  const main = await load(configPath);
  note(confDir);
  const tree = await expand(main.nodes, { file: main, context: 'main', open: [configPath] });
  const before = await Promise.all(stamps.values());
  const facts = userFacts(tree);
  const loaded = await Promise.all(loading.values());
  return {
    ...facts,
    configPath,
    files: new Map(loaded.map(({ path, text }) => [path, text])),
    modeOf: (path) => source.mode(path),
    includes: [...includes.values()],
    entries,
    neighbours: await source.list(confDir),
    async isCurrent() {
      const now = await Promise.all([...stamps.keys()].map((path) => source.stamp(path)));
      return before.every((stamp, index) => stamp === now[index]);
    },
  };
}

function innerContext(context: string, name: string): string {
  if (context === 'main' && name === 'http') return 'http';
  return context === 'http' && name === 'server' ? 'server' : 'other';
}

async function loadFile(
  source: ConfigFiles,
  path: string,
  from: string | undefined,
): Promise<Loaded> {
  const text = await readText(source, path, from);
  try {
    return { path, text, nodes: readBlocks(text) };
  } catch (cause) {
    if (!(cause instanceof NginxSyntaxError)) throw cause;
    const message = `${path}:${cause.line}: ${cause.message}; correct it, "nginx -t" tells more`;
    throw new PortcullisError('nginx-rejected', message, { cause });
  }
}

async function readText(
  source: ConfigFiles,
  path: string,
  from: string | undefined,
): Promise<string> {
  try {
    return await source.readText(path);
  } catch (cause) {
    if (cause instanceof PortcullisError) throw cause;
    const why = whyUnreadable(cause);
    if (from !== undefined) {
      throw new PortcullisError('nginx-rejected', `${from}: includes ${path}: ${why}`, { cause });
    }
    const advice =
      codeOf(cause) === 'ENOENT'
        ? 'install Nginx ("apt-get install nginx"), or say with nginx.config where its configuration lies'
        : 'nginx.config must be the file that Nginx is started with';
    throw new PortcullisError('nginx-missing', `${path}: ${why}; ${advice}`, { cause });
  }
}

/** Is `path` the entry file, or a link that leads to it? */
export async function leadsTo(
  path: string,
  entryPath: string,
  source: ConfigFiles = localFiles,
): Promise<boolean> {
  let at = path;
  for (let hops = 0; hops < 20; hops++) {
    if (at === entryPath) return true;
    const target = await source.readLink(at);
    if (target === undefined) return false;
    at = resolve(dirname(at), target);
  }
  return false;
}
