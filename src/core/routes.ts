/** Many containers' wishes -> sites. Who owns a host is decided here, the same way for the same input. */
import { groupBy } from './group-by.ts';
import { memo } from './memo.ts';
import { printable } from './problem-text.ts';
import type { ChooseCertificate } from './tls/site-tls.ts';
import type { Container, Problem } from './model.ts';
import type {
  ContainerRoutes,
  RejectedRoute,
  Route,
  RoutePlan,
  Server,
  Site,
  WantedRoute,
} from './routes-model.ts';

export type Candidate = {
  readonly container: Container;
  readonly routes: ContainerRoutes;
  /** It has just stopped and may be back at once: it keeps its routes, but never against a running container. */
  readonly lingering: boolean;
};

/** A host that a server block written by hand already serves. */
export type HandWritten = { readonly file: string; readonly line: number };

export type RouteContext = {
  readonly handWritten: ReadonlyMap<string, HandWritten>;
  /** Owner of each route in the live generation, by `routeKey`. */
  readonly holders: ReadonlyMap<string, string>;
  /** Names of the files in auth_dir; undefined where it cannot be known. */
  readonly authFiles: ReadonlySet<string> | undefined;
  /** The certificate of a host; undefined where it cannot be known. */
  readonly certificateOf?: ChooseCertificate;
  /** Why the files that a route needs do not allow it; undefined where that cannot be known. */
  readonly refusedInput?: (wanted: WantedRoute) => string | undefined;
};

export const routeKey = (host: string, path: string): string => `${host} ${path}`;

/** Decides which routes are served. Same input in any order: same plan. */
export function planRoutes(candidates: readonly Candidate[], context: RouteContext): RoutePlan {
  const problems: Problem[] = candidates.flatMap(({ routes }) => routes.problems);
  const rejected: RejectedRoute[] = [];
  const claims = new Claims();
  const accepted: { readonly candidate: Candidate; readonly wanted: WantedRoute }[] = [];
  let known: Claimants | undefined;
  const claimants = (): Claimants => (known ??= claimantsOf(candidates));

  for (const candidate of inOrder(candidates, context.holders)) {
    const { container, lingering } = candidate;
    const wanted = lingering
      ? candidate.routes.wanted.filter(({ server }) => !claims.addresses.has(server.address))
      : candidate.routes.wanted;
    const refusal =
      refusedByHand(wanted, context) ??
      missingAuthFile(wanted, context) ??
      missingCertificate(wanted, context) ??
      unusableInput(wanted, context) ??
      (lingering ? undefined : refusedByHolder(wanted, { claimants, holders: context.holders })) ??
      claims.refuse(wanted);
    if (refusal === undefined) {
      claims.take(candidate, wanted);
      for (const each of wanted) accepted.push({ candidate, wanted: each });
      if (!lingering) problems.push(...withoutTls(candidate.container, wanted, context));
      continue;
    }
    if (lingering) continue;
    // It may name another container, whose name may be anything.
    const reason = printable(refusal);
    problems.push({ container: container.name, label: '', reason });
    rejected.push(...wanted.map((each) => rejectedRoute(each, reason)));
  }
  return {
    sites: sitesOf(accepted),
    rejected: rejected.toSorted(byRoute),
    problems: problems.toSorted(byContainer),
  };
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const byHost = (a: Site, b: Site): number => order(a.host, b.host);

export const byRoute = (a: RejectedRoute, b: RejectedRoute): number =>
  order(routeKey(a.host, a.path), routeKey(b.host, b.path)) ||
  order(a.address, b.address) ||
  order(a.id, b.id) ||
  order(a.reason, b.reason);

export const byContainer = (a: Problem, b: Problem): number =>
  order(a.container, b.container) || order(a.label, b.label) || order(a.reason, b.reason);

/** Running before lingering; holders of a live route first, then the container created first. */
function inOrder(
  candidates: readonly Candidate[],
  holders: RouteContext['holders'],
): readonly Candidate[] {
  const rank = ({ routes, lingering }: Candidate): number => {
    if (lingering) return 2;
    return routes.wanted.some((w) => holders.get(routeKey(w.host, w.path)) === w.owner) ? 0 : 1;
  };
  return candidates
    .filter(({ routes }) => routes.wanted.length > 0)
    .map((candidate) => ({ candidate, rank: rank(candidate) }))
    .toSorted(
      (a, b) =>
        a.rank - b.rank ||
        a.candidate.container.createdAt - b.candidate.container.createdAt ||
        order(a.candidate.container.id, b.candidate.container.id),
    )
    .map(({ candidate }) => candidate);
}

/** What the accepted containers hold, so that nobody else gets it. */
class Claims {
  readonly addresses = new Set<string>();
  readonly #routes = new Map<string, { readonly owner: string; readonly container: string }>();
  /** `site`, or the host that the name redirects to. */
  readonly #names = new Map<string, { readonly use: string; readonly container: string }>();
  /** The template of each host, and whose it is. */
  readonly #templates = new Map<string, { name: string; owner: string; container: string }>();

  refuse(wanted: readonly WantedRoute[]): string | undefined {
    for (const { host, path, owner, redirectFrom, access } of wanted) {
      const route = this.#routes.get(routeKey(host, path));
      if (route && route.owner !== owner) return heldBy(`${host}${path}`, route);
      const name = this.#names.get(host);
      if (name && name.use !== 'site') {
        return `asks for ${host}, which container ${name.container} redirects to ${name.use}`;
      }
      const template = this.#templates.get(host);
      if (
        template &&
        template.owner !== owner &&
        (access.template ?? template.name) !== template.name
      ) {
        return `asks for the template ${access.template}, but the site ${host} has the template ${template.name} of container ${template.container}: a site has one`;
      }
      for (const from of redirectFrom) {
        const known = this.#names.get(from);
        if (from === host) return `redirects ${from} to itself`;
        if (known?.use === 'site')
          return `redirects ${from}, which container ${known.container} serves`;
        if (known && known.use !== host) {
          return `redirects ${from} to ${host}, but container ${known.container} redirects it to ${known.use}`;
        }
      }
    }
    return undefined;
  }

  take({ container, lingering }: Candidate, wanted: readonly WantedRoute[]): void {
    for (const { host, path, owner, redirectFrom, server, access } of wanted) {
      const key = routeKey(host, path);
      if (!this.#routes.has(key)) this.#routes.set(key, { owner, container: container.name });
      this.#names.set(host, { use: 'site', container: container.name });
      if (access.template !== undefined) {
        this.#templates.set(host, { name: access.template, owner, container: container.name });
      }
      for (const from of redirectFrom)
        this.#names.set(from, { use: host, container: container.name });
      if (!lingering) this.addresses.add(server.address);
    }
  }
}

const heldBy = (what: string, { owner, container }: { owner: string; container: string }): string =>
  `asks for ${what}, which container ${container} (${owner}) already serves; ` +
  'give one of them another host, or both the same label "group" to share it';

function refusedByHand(
  wanted: readonly WantedRoute[],
  { handWritten }: RouteContext,
): string | undefined {
  for (const name of wanted.flatMap(({ host, redirectFrom }) => [host, ...redirectFrom])) {
    const place = handWritten.get(name);
    if (place) {
      return `asks for ${name}, which the server block at ${place.file}:${place.line} already serves; remove one of the two`;
    }
  }
  return undefined;
}

function missingAuthFile(
  wanted: readonly WantedRoute[],
  { authFiles }: RouteContext,
): string | undefined {
  if (!authFiles) return undefined;
  const missing = wanted.find(
    ({ access }) => access.authBasic !== undefined && !authFiles.has(access.authBasic),
  )?.access.authBasic;
  return missing === undefined
    ? undefined
    : `asks for auth-basic ${missing}, but auth_dir has no usable file of that name`;
}

function unusableInput(
  wanted: readonly WantedRoute[],
  { refusedInput }: RouteContext,
): string | undefined {
  for (const each of wanted) {
    const reason = refusedInput?.(each);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function missingCertificate(
  wanted: readonly WantedRoute[],
  { certificateOf }: RouteContext,
): string | undefined {
  if (!certificateOf) return undefined;
  for (const { host, access } of wanted) {
    if (access.tls !== 'only') continue;
    const choice = certificateOf(host, access.cert);
    if ('reason' in choice) return `asks for ${host} over HTTPS only, but ${choice.reason}`;
  }
  return undefined;
}

/** Hosts that a certificate was meant for, and that are served over HTTP only all the same. */
function withoutTls(
  { name }: Container,
  wanted: readonly WantedRoute[],
  { certificateOf }: RouteContext,
): readonly Problem[] {
  const hosts = new Map(wanted.map(({ host, access }) => [host, access]));
  return [...hosts].flatMap(([host, { tls, cert }]) => {
    const choice = tls === 'auto' ? certificateOf?.(host, cert) : undefined;
    if (choice === undefined || !('reason' in choice) || !choice.meant) return [];
    const reason = `${host} is served over HTTP only: ${choice.reason}`;
    return [{ container: name, label: '', reason }];
  });
}

type Claimants = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Running claimants of each route: owner -> its first container by name. */
function claimantsOf(candidates: readonly Candidate[]): Claimants {
  const claimants = new Map<string, Map<string, string>>();
  for (const { routes, lingering, container } of candidates) {
    if (lingering) continue;
    for (const { host, path, owner } of routes.wanted) {
      const key = routeKey(host, path);
      const owners = claimants.get(key) ?? new Map<string, string>();
      const before = owners.get(owner);
      if (before === undefined || container.name < before) owners.set(owner, container.name);
      claimants.set(key, owners);
    }
  }
  return claimants;
}

/** The owner in the live generation keeps its route, however old the newcomer is. */
function refusedByHolder(
  wanted: readonly WantedRoute[],
  { claimants, holders }: { claimants: () => Claimants; holders: RouteContext['holders'] },
): string | undefined {
  for (const { host, path, owner } of wanted) {
    const key = routeKey(host, path);
    const holder = holders.get(key);
    if (holder === undefined || holder === owner) continue;
    const container = claimants().get(key)?.get(holder);
    if (container !== undefined) return heldBy(`${host}${path}`, { owner: holder, container });
  }
  return undefined;
}

const rejectedRoute = ({ host, path, server }: WantedRoute, reason: string): RejectedRoute => ({
  host,
  path,
  container: server.container,
  id: server.id,
  address: server.address,
  reason,
});

type Accepted = { readonly candidate: Candidate; readonly wanted: WantedRoute };

function sitesOf(accepted: readonly Accepted[]): readonly Site[] {
  const hosts = groupBy(accepted, ({ wanted }) => wanted.host);
  return [...hosts]
    .toSorted(([a], [b]) => order(a, b))
    .map(([host, members]) => {
      const only = members.length === 1 ? members[0] : undefined;
      return only ? siteOfOne(only.wanted) : siteOf(host, members);
    });
}

function siteOf(host: string, members: readonly Accepted[]): Site {
  return {
    host,
    redirectFrom: [...new Set(members.flatMap(({ wanted }) => wanted.redirectFrom))].toSorted(),
    routes: [...groupBy(members, ({ wanted }) => wanted.path)]
      .toSorted(([a], [b]) => order(a, b))
      .map(([path, replicas]) => routeOf({ host, path }, replicas)),
  };
}

/** Most sites are one container's; theirs stay the same object as long as its wish does. */
const siteOfOne = memo(
  ({ host, path, redirectFrom, access, owner, server, ready }: WantedRoute): Site => ({
    host,
    redirectFrom: [...new Set(redirectFrom)].toSorted(),
    routes: [{ host, path, access, owner, servers: ready ? [server] : [] }],
  }),
);

/** Replicas that differ in their options are a roll-out under way: the container created last has the new ones. */
function routeOf(
  { host, path }: { host: string; path: string },
  replicas: readonly Accepted[],
): Route {
  const newest = replicas.reduce((a, b) => {
    const [x, y] = [a.candidate.container, b.candidate.container];
    return (y.createdAt - x.createdAt || order(y.id, x.id)) > 0 ? b : a;
  });
  const servers = new Map<string, Server>();
  for (const { wanted } of replicas) {
    if (wanted.ready) servers.set(wanted.server.address, wanted.server);
  }
  return {
    host,
    path,
    access: newest.wanted.access,
    owner: newest.wanted.owner,
    servers: [...servers.values()].toSorted((a, b) => order(a.address, b.address)),
  };
}
