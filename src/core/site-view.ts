/** What a site template is given. A template only writes values down; everything is decided here. */
import { authPath, authViews, type AuthView } from './auth-endpoint.ts';
import { hostStem, upstreamName } from './names.ts';
import type { SiteInputs } from './site-inputs.ts';
import { snippetFor, type SnippetLine } from './snippet.ts';
import type { Route, Site } from './routes-model.ts';
import { leadRoutes, siteTls, type SiteTls, type TlsSettings } from './tls/site-tls.ts';
import { verifying } from './upstream-tls.ts';

export type LocationView = {
  /** Arguments of `location`: `['/']`, `['=', '/api']`. */
  readonly match: readonly string[];
  /** Undefined: no container is ready, answer 503. */
  readonly pass:
    { readonly directive: 'proxy_pass' | 'grpc_pass'; readonly url: string } | undefined;
  /** Directives before the pass, one array of name and arguments each. */
  readonly directives: readonly (readonly string[])[];
  /** Path of the forward-auth location (see `auths`) that is asked first. */
  readonly auth: string | undefined;
};

export type UpstreamView = {
  readonly name: string;
  readonly balance: 'least_conn' | 'ip_hash' | undefined;
  /** Shared memory zone, so that all workers balance together; only where there is a choice. */
  readonly zone: string | undefined;
  readonly servers: readonly string[];
};

export type RateZoneView = { readonly name: string; readonly rate: string };

export type SiteView = {
  /** Version of this shape. */
  readonly version: 1;
  readonly host: string;
  /** Arguments of each `listen`. */
  readonly listens: readonly (readonly string[])[];
  readonly redirectFrom: readonly string[];
  /** Undefined: over HTTP only. */
  readonly tls: SiteTls | undefined;
  /** Folder of the files that an ACME client puts for its challenges, or undefined. */
  readonly acmeDir: string | undefined;
  /** `http://host`, with the port where it is not the usual one; `$request_uri` comes behind it. */
  readonly redirectTo: string;
  readonly upstreams: readonly UpstreamView[];
  readonly rateZones: readonly RateZoneView[];
  readonly locations: readonly LocationView[];
  readonly auths: readonly AuthView[];
  /** Name of the template, without `.conf.ejs`. */
  readonly template: string;
  /** Answer headers, name and value, for every answer. Nginx forgets them where a location has its own. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whom to believe the client's address, and where it stands. */
  readonly realIp:
    | {
        readonly from: readonly string[];
        readonly header: 'X-Forwarded-For' | 'proxy_protocol';
      }
    | undefined;
  /** Arguments of `access_log`; undefined: what the user's own configuration says. */
  readonly accessLog: readonly string[] | undefined;
  /** The administrator's own directives for this site, and for each of its locations. */
  readonly snippet: readonly SnippetLine[];
  readonly locationSnippet: readonly SnippetLine[];
  /** Seconds after which a client should ask again while no container is ready. */
  readonly retryAfter: string;
};

export type ListenSettings = {
  readonly port: number;
  readonly ipv6: boolean;
  /** Path of the htpasswd files. */
  readonly authDir: string;
  /** '' for none. */
  readonly acmeDir?: string;
  /** Undefined: no site has a certificate. */
  readonly tls?: TlsSettings | undefined;
  /** Undefined: none of their labels can be used. */
  readonly inputs?: SiteInputs;
  readonly trustedProxies?: readonly string[];
  readonly proxyProtocol?: boolean;
  /** Undefined: the user's own. */
  readonly accessLog?: { readonly path: string; readonly format: 'text' | 'json' } | undefined;
  /** HTML, below 4,000 bytes: Nginx reads no longer argument. */
  readonly maintenancePage?: string;
};

export function siteView(site: Site, listen: ListenSettings): SiteView {
  const tls = siteTls(site, listen.tls, listen.ipv6);
  const leading = leadRoutes(site);
  const { auths, upstreams } = authViews(site, listen);
  const served = site.routes.map((route, index) => ({
    route,
    upstream: upstreamName(site.host, index),
  }));
  return {
    version: 1,
    host: site.host,
    listens: listens(listen),
    redirectFrom: site.redirectFrom,
    tls,
    acmeDir: listen.acmeDir === '' ? undefined : listen.acmeDir,
    redirectTo: tls?.target ?? `http://${site.host}${listen.port === 80 ? '' : `:${listen.port}`}`,
    upstreams: [
      ...served.flatMap(({ route, upstream }) =>
        route.servers.length > 0 ? [upstreamView(route, upstream)] : [],
      ),
      ...upstreams,
    ],
    rateZones: served.flatMap(({ route, upstream }) =>
      route.access.rate === undefined
        ? []
        : [{ name: rateZone(upstream), rate: route.access.rate }],
    ),
    locations: [
      ...served.flatMap(({ route, upstream }) => locationViews(route, upstream, { listen, site })),
      ...(site.routes.some(({ path }) => path === '/')
        ? []
        : [{ match: ['/'], pass: undefined, directives: [['return', '404']], auth: undefined }]),
    ],
    auths,
    template: leading.find(({ access }) => access.template)?.access.template ?? 'site',
    headers: tls?.headers ?? [],
    realIp:
      (listen.trustedProxies ?? []).length === 0
        ? undefined
        : {
            from: listen.trustedProxies ?? [],
            header: listen.proxyProtocol === true ? 'proxy_protocol' : 'X-Forwarded-For',
          },
    accessLog: leading.some(({ access }) => access.unlogged)
      ? ['off']
      : listen.accessLog && [listen.accessLog.path, 'portcullis'],
    snippet: snippetLines(site, listen, '.conf'),
    locationSnippet: snippetLines(site, listen, '.location.conf'),
    retryAfter: '5',
  };
}

function snippetLines(
  { host }: Site,
  { inputs }: ListenSettings,
  suffix: '.conf' | '.location.conf',
): readonly SnippetLine[] {
  const snippet = snippetFor(inputs?.snippets, hostStem(host), suffix);
  return snippet && 'lines' in snippet ? snippet.lines : [];
}

export const listens = ({
  port,
  ipv6,
  proxyProtocol,
}: Pick<ListenSettings, 'port' | 'ipv6' | 'proxyProtocol'>): readonly (readonly string[])[] => {
  const more = proxyProtocol === true ? ['proxy_protocol'] : [];
  return [[`${port}`, ...more], ...(ipv6 ? [[`[::]:${port}`, ...more]] : [])];
};

/** Not the upstream's own zone, which it has where there are several servers: Nginx has one kind a name. */
const rateZone = (upstream: string): string => `${upstream}_rate`;

function upstreamView({ servers, access }: Route, name: string): UpstreamView {
  const several = servers.length > 1;
  return {
    name,
    balance: several && access.balance !== 'round_robin' ? access.balance : undefined,
    zone: several ? name : undefined,
    servers: servers.map(({ address }) => address),
  };
}

/** `/api` means `/api` and everything below `/api/`, never `/apis`. */
function locationViews(
  route: Route,
  upstream: string,
  { listen, site }: { readonly listen: ListenSettings; readonly site: Site },
): readonly LocationView[] {
  const { path, access, servers } = route;
  const directives = accessDirectives(route, upstream, listen);
  const grpc = access.scheme === 'grpc' || access.scheme === 'grpcs';
  const url = `${access.scheme}://${upstream}${access.stripPrefix ? '/' : ''}`;
  const pass =
    servers.length === 0
      ? undefined
      : ({ directive: grpc ? 'grpc_pass' : 'proxy_pass', url } as const);
  const unready = pass === undefined ? [['return', '503']] : [];
  const auth = access.authRequest === undefined ? undefined : authPath(site, access.authRequest);
  const matches = path === '/' ? [['/']] : [['=', path], [`${path}/`]];
  return matches.map((match) => ({ match, pass, directives: [...directives, ...unready], auth }));
}

function accessDirectives(
  { access }: Route,
  upstream: string,
  listen: ListenSettings,
): readonly (readonly string[])[] {
  const kind = access.scheme.startsWith('grpc') ? 'grpc' : 'proxy';
  return [
    ...access.allow.map((network) => ['allow', network]),
    ...(access.allow.length > 0 ? [['deny', 'all']] : []),
    ...(access.authBasic === undefined
      ? []
      : [
          ['auth_basic', 'restricted'],
          ['auth_basic_user_file', `${listen.authDir}/${access.authBasic}`],
        ]),
    ...(access.rate === undefined
      ? []
      : [
          [
            'limit_req',
            `zone=${rateZone(upstream)}`,
            ...(access.burst === undefined ? [] : [`burst=${access.burst}`, 'nodelay']),
          ],
          ['limit_req_status', '429'],
        ]),
    ...(access.maxBody === undefined ? [] : [['client_max_body_size', access.maxBody]]),
    ...(access.timeout === undefined
      ? []
      : [
          [`${kind}_read_timeout`, access.timeout],
          [`${kind}_send_timeout`, access.timeout],
        ]),
    ...(access.buffering || kind === 'grpc'
      ? []
      : [
          ['proxy_buffering', 'off'],
          ['proxy_request_buffering', 'off'],
        ]),
    ...(access.upstreamTls === undefined ? [] : verifying(kind, access.upstreamTls, listen)),
  ];
}

/** File name of a site where there is no generation beside it: `generate --out` and `--dry-run`. */
export const siteFileName = (host: string): string => `${hostStem(host)}.conf`;
