import { tooMuch } from './container-limits.ts';
import { isOneOff, ownerOf, composeProject, composeService } from './owner.ts';
import { fromNginxProxy } from './compat/nginx-proxy.ts';
import { host as parseHost } from './labels/host.ts';
import type { RouteOptions } from './labels/options.ts';
import { parseLabels, type LabelledRoute, type ParsedLabels } from './labels/parse-labels.ts';
import type { Container, Problem, PublishedPort } from './model.ts';
import type { Access, ContainerRoutes, WantedRoute } from './routes-model.ts';
import type { Settings } from './settings-schema.ts';
import { dialAddress, publishedPortFor, publishedTcpPorts } from './upstreams.ts';

export type RouteSettings = Pick<
  Settings,
  'domain' | 'host_pattern' | 'label_prefix' | 'discovery' | 'compat'
>;

const NOTHING: ContainerRoutes = { wanted: [], problems: [] };

const UPSTREAM_TLS = ['upstream-verify', 'upstream-ca', 'upstream-name'] as const;

/** Of one container: what is told, so that nobody's labels bury what is said of others. */
const MOST_PROBLEMS = 20;

/** The routes one container's labels ask for. One wrong label and it gets none: half a wish is not served. */
export function containerRoutes(container: Container, settings: RouteSettings): ContainerRoutes {
  const { wanted, problems } = askedRoutes(container, settings);
  const more = problems.length - MOST_PROBLEMS;
  if (more <= 0) return { wanted, problems };
  const reason = `is wrong in ${more} more ways, which are not listed`;
  const rest = { container: container.name, label: '', reason };
  return { wanted, problems: [...problems.slice(0, MOST_PROBLEMS), rest] };
}

function askedRoutes(container: Container, settings: RouteSettings): ContainerRoutes {
  const translated = settings.compat.includes('nginx-proxy')
    ? fromNginxProxy(container, settings.label_prefix)
    : undefined;
  if (!translated) return labelledRoutes(container, settings);
  if (translated.problems.length > 0) return { wanted: [], problems: translated.problems };
  const { wanted, problems } = labelledRoutes(translated.container, settings);
  return {
    wanted,
    problems: problems.map((each) => ({
      ...each,
      label: translated.variableOf.get(each.label) ?? each.label,
    })),
  };
}

function labelledRoutes(container: Container, settings: RouteSettings): ContainerRoutes {
  if (container.state !== 'running' || isOneOff(container)) return NOTHING;
  const labels = parseLabels(container, settings.label_prefix);
  const problems = [...labels.problems];
  const disabled = container.labels[`${settings.label_prefix}.enable`] === 'false';
  if (disabled) return NOTHING;
  // In a pod, Podman says of each container that it has the ports of the one whose network they share.
  const own = !container.networkMode.startsWith('container:');
  const wantsRoutes = labels.labelled || (settings.discovery === 'all' && own);
  if (!wantsRoutes) return NOTHING;
  if (problems.length > 0) return { wanted: [], problems };

  const wanted: WantedRoute[] = [];
  for (const route of labels.routes) {
    const result = oneRoute(container, route, { settings, labels });
    wanted.push(...result.wanted);
    problems.push(...result.problems);
  }
  problems.push(...tooMuch(container, wanted), ...selfConflicts(container, wanted));
  return problems.length > 0 ? { wanted: [], problems } : { wanted, problems };
}

type Context = { readonly settings: RouteSettings; readonly labels: ParsedLabels };

function oneRoute(
  container: Container,
  { name, options }: LabelledRoute,
  { settings, labels }: Context,
): ContainerRoutes {
  const key = (option: string): string =>
    [settings.label_prefix, ...(name === '' ? [] : [name]), option].join('.');
  const fail = (label: string, reason: string): ContainerRoutes => ({
    wanted: [],
    problems: [{ container: container.name, label, reason }],
  });
  const overTls = options.scheme === 'https' || options.scheme === 'grpcs';
  const needless = UPSTREAM_TLS.find((option) => options[option] !== undefined && !overTls);
  if (needless !== undefined) {
    return fail(key(needless), `has no effect where ${key('scheme')} is not https or grpcs`);
  }
  const [useless] = UPSTREAM_TLS.slice(1).filter((option) => options[option] !== undefined);
  if (options['upstream-verify'] === 'off' && useless !== undefined) {
    return fail(key(useless), `has no effect where ${key('upstream-verify')} is off`);
  }
  if (options.tls === 'off' && options.cert !== undefined) {
    return fail(key('cert'), `has no effect where ${key('tls')} is off`);
  }
  if (options.burst !== undefined && options.rate === undefined) {
    return fail(key('burst'), `has no effect without ${key('rate')}`);
  }
  const grpc = options.scheme === 'grpc' || options.scheme === 'grpcs';
  if (grpc && options['strip-prefix'] === true) {
    return fail(key('strip-prefix'), 'cannot be used with gRPC, whose paths are its methods');
  }
  if (options['strip-prefix'] === true && (options.path ?? '/') === '/') {
    return fail(key('strip-prefix'), `has no effect without ${key('path')}`);
  }
  const found = targets(container, options);
  if (typeof found === 'string') {
    // A container that only says what is public wants no route.
    const asksForRoute = Object.keys(options).length > 0 || labels.container.enable === true;
    return asksForRoute ? fail(options.port === undefined ? '' : key('port'), found) : NOTHING;
  }
  const ports = [...new Set(found.map((each) => each.containerPort))];
  const [only, second] = ports;
  if (options.host !== undefined && second !== undefined) {
    const several = ports.join(', ');
    return fail(
      key('host'),
      `could mean any of the container ports ${several}; add ${key('port')}`,
    );
  }
  // Docker 20.10 may choose one host port for IPv4 and another for IPv6: a name means the container's one.
  const one = options.host !== undefined && only !== undefined && publishedPortFor(container, only);
  const routes: WantedRoute[] = [];
  for (const target of one ? [one] : found) {
    const hosts = options.host ?? patternHost(container, target, settings);
    if (typeof hosts === 'string') return fail('', hosts);
    const canonical = hosts.find((host) => !host.startsWith('*.'));
    if (options['redirect-from'] && canonical === undefined) {
      return fail(key('redirect-from'), 'needs a host without "*" to redirect to');
    }
    for (const host of hosts) {
      if (overTls && options['upstream-name'] === undefined && host.startsWith('*.')) {
        return fail(
          key('scheme'),
          `is ${options.scheme}, and a wildcard host does not say which name the upstream's certificate has: add ${key('upstream-name')}`,
        );
      }
      const redirectFrom = host === canonical ? (options['redirect-from'] ?? []) : [];
      routes.push(wantedRoute(container, { host, target, options, redirectFrom }));
    }
  }
  return { wanted: routes, problems: [] };
}

/** The published ports a route means, or why there are none. */
function targets(container: Container, { port }: RouteOptions): readonly PublishedPort[] | string {
  if (container.networkMode === 'host') {
    if (port === undefined) {
      return 'is on the host network, where Docker publishes nothing: say with the label "port" which host port is meant';
    }
    return [{ hostAddress: '127.0.0.1', hostPort: port, containerPort: port, protocol: 'tcp' }];
  }
  if (port === undefined) {
    const all = publishedTcpPorts(container);
    return all.length > 0
      ? all
      : 'publishes no TCP port: publish one on loopback, as -p 127.0.0.1::80';
  }
  const published = publishedPortFor(container, port);
  if (published) return [published];
  const known = publishedTcpPorts(container).map((each) => each.containerPort);
  return `names container port ${port}, which is not published${known.length > 0 ? ` (published are ${[...new Set(known)].join(', ')})` : ''}; publish it, as -p 127.0.0.1::${port}`;
}

function wantedRoute(
  container: Container,
  {
    host,
    target,
    options,
    redirectFrom,
  }: {
    host: string;
    target: PublishedPort;
    options: RouteOptions;
    redirectFrom: readonly string[];
  },
): WantedRoute {
  const { health, group } = options;
  return {
    host,
    path: normalPath(options.path ?? '/'),
    redirectFrom,
    owner: ownerOf(container, group),
    ...(group !== undefined && { member: ownerOf(container, undefined) }),
    ready: health === 'ignore' || container.health === 'none' || container.health === 'healthy',
    server: { address: dialAddress(target), container: container.name, id: container.id },
    access: {
      stripPrefix: options['strip-prefix'] ?? false,
      scheme: options.scheme ?? 'http',
      balance: options.balance ?? 'round_robin',
      allow: options.allow ?? [],
      buffering: options.buffering !== 'off',
      tls: options.tls ?? 'auto',
      ...(options.cert !== undefined && { cert: options.cert }),
      ...(options['auth-request'] !== undefined && {
        authRequest: withPath(options['auth-request']),
      }),
      ...(options.template !== undefined && { template: options.template }),
      ...(options['access-log'] === 'off' && { unlogged: true as const }),
      ...upstreamTls(options, host),
      ...(options['auth-basic'] !== undefined && { authBasic: options['auth-basic'] }),
      ...(options.rate !== undefined && { rate: options.rate }),
      ...(options.burst !== undefined && { burst: options.burst }),
      ...(options['max-body'] !== undefined && { maxBody: options['max-body'] }),
      ...(options.timeout !== undefined && { timeout: options.timeout }),
    },
  };
}

function upstreamTls(options: RouteOptions, host: string): Pick<Access, 'upstreamTls'> {
  if (options.scheme !== 'https' && options.scheme !== 'grpcs') return {};
  return {
    upstreamTls: {
      verify: options['upstream-verify'] !== 'off',
      name: options['upstream-name'] ?? host,
      ...(options['upstream-ca'] !== undefined && { ca: options['upstream-ca'] }),
    },
  };
}

/** Without a path Nginx would pass on its own internal one. */
const withPath = (url: string): string => (/^https?:\/\/[^/]+$/.test(url) ? `${url}/` : url);

/** `/api/` and `/api` are one path. */
const normalPath = (path: string): string => (path === '/' ? path : path.replace(/\/+$/, ''));

/** The host from `host_pattern`, or why it cannot be made. */
function patternHost(
  container: Container,
  target: PublishedPort,
  { domain, host_pattern: pattern }: RouteSettings,
): readonly string[] | string {
  const values: Record<string, string | undefined> = {
    port: String(target.hostPort),
    container_port: String(target.containerPort),
    domain,
    name: dnsLabel(container.name),
    project: dnsLabel(composeProject(container)),
    service: dnsLabel(composeService(container)),
  };
  let missing: string | undefined;
  const name = pattern.replaceAll(/\{([^{}]*)\}/g, (_match, key: string) => {
    const value = values[key];
    if (value === undefined) missing ??= key;
    return value ?? '';
  });
  if (missing !== undefined) {
    return `has no ${missing}, which host_pattern asks for; give it the label "host"`;
  }
  const parsed = parseHost(name);
  return parsed.ok ? [parsed.value] : `would be "${name}" by host_pattern, which ${parsed.reason}`;
}

const dnsLabel = (text: string | undefined): string | undefined =>
  text
    ?.toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');

/** Two routes of one container must not mean the same host and path, unless they are the same in all; nor a name in two ways. */
function selfConflicts({ name }: Container, wanted: readonly WantedRoute[]): readonly Problem[] {
  const problem = (reason: string): readonly Problem[] => [{ container: name, label: '', reason }];
  const seen = new Map<string, WantedRoute>();
  const hosts = new Set(wanted.map(({ host }) => host));
  const redirects = new Map<string, string>();
  for (const route of wanted) {
    const { host, path, server, redirectFrom } = route;
    const before = seen.get(`${host} ${path}`);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(route)) {
      const what =
        before.server.address === server.address
          ? 'with different options'
          : `for ${before.server.address} and for ${server.address}`;
      return problem(`asks twice for ${host}${path}: ${what}`);
    }
    seen.set(`${host} ${path}`, route);
    for (const from of redirectFrom) {
      if (from === host) return problem(`redirects ${from} to itself`);
      if (hosts.has(from)) return problem(`redirects ${from} to ${host}, and serves it as well`);
      const target = redirects.get(from) ?? host;
      if (target !== host) return problem(`redirects ${from} to ${target} and to ${host}`);
      redirects.set(from, host);
    }
  }
  return [];
}
