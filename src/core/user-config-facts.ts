/** What hand-written Nginx configuration claims and sets, read from its blocks. */
import type { HandWritten } from './routes.ts';

/** A directive of the user's configuration, includes followed. */
export type PlacedBlock = {
  readonly name: string;
  readonly args: readonly string[];
  readonly file: string;
  readonly line: number;
  readonly children?: readonly PlacedBlock[];
};

/** One `server_name` of a hand-written server block. */
export type Claim = HandWritten & {
  /** Lower case; `*.x`, `www.*` or `~regex` too. */
  readonly host: string;
  /** Ports that the block listens on; empty when it has Unix sockets only. */
  readonly ports: readonly number[];
};

export type UserFacts = {
  readonly claims: readonly Claim[];
  /** Directives that stand in the http block itself. */
  readonly httpDirectives: ReadonlyMap<string, HandWritten>;
  /**
   * Names that may be given once only: `upstream app`, `variable $x`, `log_format main`,
   * `zone one`.
   */
  readonly definitions: ReadonlyMap<string, HandWritten>;
  /** By address as our own `listen` would name it: `80`, `[::]:80`, `192.0.2.1:80`. */
  readonly defaultServers: ReadonlyMap<string, HandWritten>;
  readonly pidPath: string | undefined;
  readonly errorLogPath: string | undefined;
  /** Folders of logs and of the pid file, caches and temporary folders: what `nginx -t` writes to. As written. */
  readonly writtenFolders: readonly string[];
  /** `worker_shutdown_timeout`, as written. */
  readonly shutdownTimeout: string | undefined;
};

export function userFacts(tree: readonly PlacedBlock[]): UserFacts {
  const http = tree.filter(({ name }) => name === 'http').flatMap(({ children = [] }) => children);
  const servers = http.filter(({ name }) => name === 'server');
  return {
    claims: servers.flatMap(claimsOf),
    httpDirectives: firstOf(http.map((node) => [node.name, node])),
    definitions: firstOf(http.flatMap(definitionsOf)),
    defaultServers: firstOf(servers.flatMap(defaultsOf)),
    pidPath: lastArgument(tree, 'pid'),
    errorLogPath: lastArgument(tree, 'error_log'),
    writtenFolders: [...new Set(writtenFolders(tree))],
    shutdownTimeout: lastArgument(tree, 'worker_shutdown_timeout'),
  };
}

const FILES = new Set(['pid', 'error_log', 'access_log']);
const NO_FILE = /^(?:off$|stderr$|syslog:|memory:)/;

const writtenFolders = (tree: readonly PlacedBlock[]): readonly string[] =>
  tree.flatMap(({ name, args: [path = ''], children = [] }) => {
    if (/_(?:temp|cache)_path$/.test(name) && path !== 'off') return [path];
    if (!FILES.has(name) || NO_FILE.test(path)) return writtenFolders(children);
    const fixed = path.replace(/\$.*/, ''); // what follows is made of variables
    return fixed.includes('/') ? [fixed.slice(0, fixed.lastIndexOf('/')) || '/'] : [];
  });

function claimsOf({ children = [] }: PlacedBlock): readonly Claim[] {
  const listens = children.filter(({ name }) => name === 'listen');
  const ports =
    listens.length === 0 ? [80] : [...new Set(listens.flatMap(({ args }) => portsOf(args[0])))];
  return children
    .filter(({ name }) => name === 'server_name')
    .flatMap(({ args, file, line }) =>
      args.flatMap(namesOf).map((host): Claim => ({ host, file, line, ports })),
    );
}

/** `.x` means both `x` and `*.x`; `_` and `""` are what people write for no name. */
function namesOf(name: string): readonly string[] {
  if (name === '' || name === '_') return [];
  if (name.startsWith('~')) return [name];
  const host = name.toLowerCase();
  return host.startsWith('.') ? [host.slice(1), `*${host}`] : [host];
}

function defaultsOf({ children = [] }: PlacedBlock): readonly (readonly [string, PlacedBlock])[] {
  return children
    .filter(({ name, args }) => name === 'listen' && args.some((arg) => DEFAULT.has(arg)))
    .flatMap((node) => listenKeys(node.args[0]).map((key) => [key, node] as const));
}

const DEFAULT = new Set(['default_server', 'default']);

type Listen = { readonly address: string; readonly ports: readonly number[] };

/** `8080`, `*:80`, `127.0.0.1`, `[::]:80`, `localhost:80`, `8000-8010`; undefined for Unix sockets. */
function parseListen(text = ''): Listen | undefined {
  if (text.startsWith('unix:')) return undefined;
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*?)(?::|$))?(?:(\d+)(?:-(\d+))?)?$/.exec(
    /^\d+(?:-\d+)?$/.test(text) ? `*:${text}` : text,
  );
  if (!match) return undefined;
  const [, address = '*', first = '80', last = first] = match;
  const count = Math.min(Math.max(Number(last) - Number(first) + 1, 1), 65_536);
  return {
    address: address === '0.0.0.0' ? '*' : address.toLowerCase(),
    ports: Array.from({ length: count }, (_unused, index) => Number(first) + index),
  };
}

const portsOf = (text: string | undefined): readonly number[] => parseListen(text)?.ports ?? [];

function listenKeys(text: string | undefined): readonly string[] {
  const { address = '', ports = [] } = parseListen(text) ?? {};
  return ports.map((port) => (address === '*' ? String(port) : `${address}:${port}`));
}

const VARIABLE_LAST = new Set(['map', 'geo', 'split_clients']);

function definitionsOf(node: PlacedBlock): readonly (readonly [string, PlacedBlock])[] {
  const { name, args } = node;
  if (name === 'upstream' || name === 'log_format') return [[`${name} ${args[0] ?? ''}`, node]];
  if (VARIABLE_LAST.has(name)) return [[`variable ${args.at(-1) ?? ''}`, node]];
  if (!/_zone$|_cache_path$/.test(name)) return [];
  return args.flatMap((arg) => {
    const zone = /^(?:keys_)?zone=([^:]+)/.exec(arg)?.[1];
    return zone === undefined ? [] : [[`zone ${zone}`, node] as const];
  });
}

function firstOf(
  entries: readonly (readonly [string, PlacedBlock])[],
): ReadonlyMap<string, HandWritten> {
  const places = new Map<string, HandWritten>();
  for (const [key, { file, line }] of entries) {
    if (!places.has(key)) places.set(key, { file, line });
  }
  return places;
}

const lastArgument = (tree: readonly PlacedBlock[], directive: string): string | undefined =>
  tree.findLast(({ name }) => name === directive)?.args[0];
