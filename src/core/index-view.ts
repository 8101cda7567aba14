/** What the index template is given: the entry file of one generation. */
import type { Verbatim } from './nginx-quote.ts';
import type { Site } from './routes-model.ts';
import { listens, type ListenSettings } from './site-view.ts';
import { quicListens, siteTls, tlsListens } from './tls/site-tls.ts';

export type IndexView = {
  readonly version: 1;
  readonly id: string;
  /** Name and value; only what the user's own http block does not set. */
  readonly httpDirectives: readonly (readonly [name: string, value: string])[];
  readonly listens: readonly (readonly string[])[];
  /** Where an unknown host is closed; empty where the user's own configuration has a default server. */
  readonly defaultListens: readonly (readonly string[])[];
  /** Where a handshake for an unknown name is refused; empty where no site has a certificate. */
  readonly rejectListens: readonly (readonly string[])[];
  readonly includes: readonly string[];
  /** The page for a site without a healthy upstream, as one text of Nginx. */
  readonly maintenance: Verbatim;
  /** Networks whose X-Forwarded-* headers are believed; empty for none. */
  readonly trustedProxies: readonly string[];
  /** Some site asks a forward-auth endpoint. */
  readonly hasForwardAuth: boolean;
  /** Undefined: no access log of ours. */
  readonly accessLog:
    | {
        readonly json: boolean;
        /** Address of each server and its container. */
        readonly containers: readonly (readonly [address: string, container: string])[];
      }
    | undefined;
};

export type IndexContext = {
  readonly listen: ListenSettings;
  /** Directives that the user's http block has itself; a second one would be fatal. */
  readonly userDirectives: ReadonlySet<string>;
  /** `80`, `[::]:80`: listens for which the user's configuration names a default server. */
  readonly userDefaults: ReadonlyMap<string, unknown>;
};

export function indexView(
  sites: readonly Site[],
  { id, includes }: { id: string; includes: readonly string[] },
  { listen, userDirectives, userDefaults }: IndexContext,
): IndexView {
  const names = sites.flatMap(({ host, redirectFrom }) => [host, ...redirectFrom]);
  return {
    version: 1,
    id,
    httpDirectives: hashSizes(names).filter(([name]) => !userDirectives.has(name)),
    listens: listens(listen),
    defaultListens: listens(listen)
      .filter(([address = '']) => !userDefaults.has(address))
      .map((args) => [...args, 'default_server']),
    rejectListens: rejects(sites, listen).filter(([address = '']) => !userDefaults.has(address)),
    includes,
    maintenance: {
      verbatim: (listen.maintenancePage ?? '').replaceAll('$', '${portcullis_dollar}'),
    },
    trustedProxies: listen.trustedProxies ?? [],
    hasForwardAuth: sites.some(({ routes }) =>
      routes.some(({ access }) => access.authRequest !== undefined),
    ),
    accessLog: listen.accessLog && {
      json: listen.accessLog.format === 'json',
      containers: containersOf(sites),
    },
  };
}

/**
 * Nginx's own buckets for a map (64 bytes) are fatal at a key of 47 characters, as a whole IPv6 address
 * with a port has; `map_hash_bucket_size` itself is fatal behind a map of the user's.
 */
const LONGEST_KEY = 46;

/** Docker takes names of any length, and an argument of 4,096 bytes is fatal to Nginx. */
const LONGEST_NAME = 255;

const containersOf = (sites: readonly Site[]): readonly (readonly [string, string])[] =>
  [
    ...new Map(
      sites.flatMap(({ routes }) =>
        routes.flatMap(({ servers }) =>
          // Nginx compares keys in lower case, and refuses two that are alike.
          servers.map(
            ({ address, container }) =>
              [address.toLowerCase(), container.slice(0, LONGEST_NAME)] as const,
          ),
        ),
      ),
    ),
  ]
    .filter(([address]) => address.length <= LONGEST_KEY)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));

const rejects = (
  sites: readonly Site[],
  { tls, ipv6 }: ListenSettings,
): readonly (readonly string[])[] => {
  if (tls === undefined || !sites.some((site) => siteTls(site, tls, ipv6) !== undefined)) return [];
  return [
    ...tlsListens(tls, ipv6).map((args) => [...args, 'default_server']),
    // One of the listens on a port must ask for a socket of each worker.
    ...quicListens(tls, ipv6).map((args) => [...args, 'reuseport', 'default_server']),
  ];
};

/**
 * Nginx's own sizes (buckets of 64 bytes, 512 names) end in a fatal error at a name of 47 characters
 * and in a warning at some 200 names. A bucket holds the name and some 18 bytes beside it.
 */
function hashSizes(names: readonly string[]): readonly (readonly [string, string])[] {
  const longest = names.reduce(
    (most, name) => Math.max(most, name.length),
    'generation.portcullis.invalid'.length,
  );
  const bucket = longest <= 40 ? 64 : longest <= 104 ? 128 : longest <= 230 ? 256 : 512;
  let max = 1024;
  while (max < names.length * 4) max *= 2;
  return [
    ['server_names_hash_bucket_size', String(bucket)],
    ['server_names_hash_max_size', String(max)],
  ];
}
