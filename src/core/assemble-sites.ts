/** Accepted wishes -> sites: replicas together, and whose options hold for a site that several share. */
import { leadKey, siteKey, siteLeadKey, type Holders } from './claims.ts';
import { groupBy } from './group-by.ts';
import { memo } from './memo.ts';
import type { Candidate, RouteContext } from './routes.ts';
import type { Access, Route, Server, Site, WantedRoute } from './routes-model.ts';
import { hasTls, leadRoutes } from './tls/site-tls.ts';

export type Accepted = { readonly candidate: Candidate; readonly wanted: WantedRoute };

/** What one wish of a shared site or route comes to. */
export type Verdict = Accepted & { readonly reason: string; readonly rejected: boolean };

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function assembleSites(
  accepted: readonly Accepted[],
  context: Pick<RouteContext, 'holders' | 'certificateOf'>,
): { readonly sites: readonly Site[]; readonly verdicts: readonly Verdict[] } {
  const verdicts: Verdict[] = [];
  const sites = [...groupBy(accepted, ({ wanted }) => wanted.host)]
    .toSorted(([a], [b]) => order(a, b))
    .map(([host, members]) => {
      const only = members.length === 1 ? members[0] : undefined;
      if (only) return siteOfOne(only.wanted);
      const shared = sharedSite(host, members, context);
      verdicts.push(...shared.verdicts);
      return shared.site;
    });
  return { sites, verdicts };
}

/** Most sites are one container's; theirs stay the same object as long as its wish does. */
const siteOfOne = memo(
  ({ host, path, redirectFrom, access, owner, member, server, ready }: WantedRoute): Site => ({
    host,
    owner,
    ...(member !== undefined && { lead: member }),
    redirectFrom: [...new Set(redirectFrom)].toSorted(),
    routes: [
      {
        ...{ host, path, access, owner },
        ...(member !== undefined && { lead: member }),
        servers: ready ? [server] : [],
      },
    ],
  }),
);

function sharedSite(
  host: string,
  members: readonly Accepted[],
  { holders, certificateOf }: Pick<RouteContext, 'holders' | 'certificateOf'>,
): { readonly site: Site; readonly verdicts: readonly Verdict[] } {
  const owner = siteOwner(host, members, holders);
  const whole = siteOf(host, { owner, members, holders });
  // Who adds a path to somebody else's site cannot bring HTTPS to it.
  const isPlain = certificateOf !== undefined && !hasTls(whole, certificateOf);
  const [kept, refused] = [[] as Accepted[], [] as Accepted[]];
  for (const member of members) {
    const { wanted } = member;
    (isPlain && !isLeader(wanted, whole) && wanted.access.tls === 'only' ? refused : kept).push(
      member,
    );
  }
  const site = refused.length === 0 ? whole : siteOf(host, { owner, members: kept, holders });
  const leader = members.find(({ wanted }) => isLeader(wanted, site))?.candidate.container.name;
  return {
    site,
    verdicts: [
      ...refused.map((member) => ({
        ...member,
        rejected: true,
        reason: `asks for ${host} over HTTPS only, but container ${leader}, whose site it is, serves it over HTTP`,
      })),
      ...kept.flatMap((member) => withoutEffect(member, { site, leader: leader ?? '?' })),
    ],
  };
}

const isLeader = ({ owner, member }: WantedRoute, site: Pick<Site, 'owner' | 'lead'>): boolean =>
  owner === site.owner && (site.lead === undefined || member === site.lead);

/** Whoever had the site, else whoever has its root, else whoever came first. */
function siteOwner(host: string, members: readonly Accepted[], holders: Holders): string {
  const held = holders.get(siteKey(host));
  const found =
    members.find(({ wanted }) => wanted.owner === held) ??
    members.find(({ wanted }) => wanted.path === '/') ??
    members[0];
  return found?.wanted.owner ?? '';
}

function siteOf(
  host: string,
  {
    owner,
    members,
    holders,
  }: { readonly owner: string; readonly members: readonly Accepted[]; readonly holders: Holders },
): Site {
  const routes = [...groupBy(members, ({ wanted }) => wanted.path)]
    .toSorted(([a], [b]) => order(a, b))
    .map(([path, replicas]) => routeOf({ host, path }, replicas, holders));
  const lead = siteLead(
    routes.filter((route) => route.owner === owner),
    holders.get(siteLeadKey(host)),
  );
  const leads = new Map(routes.map(({ path, lead: leader }) => [path, leader]));
  const redirects = redirectOwners(
    { owner, ...(lead !== undefined && { lead }) },
    members.filter(({ wanted }) => wanted.member === leads.get(wanted.path)),
  );
  const others = redirects.filter(([, , culprit]) => culprit !== (lead ?? owner));
  return {
    host,
    owner,
    ...(lead !== undefined && { lead }),
    redirectFrom: redirects.map(([name]) => name),
    ...(others.length > 0 && { othersRedirects: others }),
    routes,
  };
}

/**
 * Names that are redirected to the site and who asked for each, sorted by name: who has the site's
 * options before others, of these its owner before others.
 *
 * @param members those whose options the routes have
 */
function redirectOwners(
  site: Pick<Site, 'owner' | 'lead'>,
  members: readonly Accepted[],
): NonNullable<Site['othersRedirects']> {
  const rank = (wanted: WantedRoute): number =>
    isLeader(wanted, site) ? 0 : wanted.owner === site.owner ? 1 : 2;
  const owners = new Map<string, WantedRoute>();
  for (const { wanted } of members) {
    for (const name of wanted.redirectFrom) {
      const known = owners.get(name);
      if (known === undefined || rank(wanted) < rank(known)) owners.set(name, wanted);
    }
  }
  return [...owners]
    .map(([name, { owner, member }]) => [name, owner, member ?? owner] as const)
    .toSorted(([a], [b]) => order(a, b));
}

/** In a group: whoever had the site's options, else whoever has its root. Undefined outside of groups. */
const siteLead = (routes: readonly Route[], held: string | undefined): string | undefined =>
  (routes.find(({ lead }) => lead === held) ?? routes.find(({ path }) => path === '/') ?? routes[0])
    ?.lead;

/**
 * Replicas that differ in their options are a roll-out under way: the container created last has the
 * new ones. But who joins a group brings a server, never options: those stay with the member that has
 * the route.
 */
function routeOf(
  { host, path }: { host: string; path: string },
  replicas: readonly Accepted[],
  holders: Holders,
): Route {
  const held = holders.get(leadKey(host, path));
  const { member: lead } = (replicas.find(({ wanted }) => wanted.member === held) ?? replicas[0])
    ?.wanted ?? { member: undefined };
  const newest = replicas
    .filter(({ wanted }) => wanted.member === lead)
    .reduce((a, b) => {
      const [x, y] = [a.candidate.container, b.candidate.container];
      return (y.createdAt - x.createdAt || order(y.id, x.id)) > 0 ? b : a;
    });
  const servers = new Map<string, Server>();
  for (const { wanted } of withoutDraining(replicas)) {
    if (wanted.ready) servers.set(wanted.server.address, wanted.server);
  }
  return {
    host,
    path,
    access: newest.wanted.access,
    owner: newest.wanted.owner,
    ...(lead !== undefined && { lead }),
    servers: [...servers.values()].toSorted((a, b) => order(a.address, b.address)),
  };
}

/** Who is about to stop gets no new requests, where another is there to take them. */
function withoutDraining(replicas: readonly Accepted[]): readonly Accepted[] {
  const staying = replicas.filter(({ candidate }) => candidate.draining !== true);
  const able = staying.some(({ candidate, wanted }) => wanted.ready && !candidate.lingering);
  return able ? staying : replicas;
}

/** Options that a site has once, as its owner's labels say. */
const SITE_OPTIONS: readonly (readonly [label: string, of: (access: Access) => unknown])[] = [
  ['template', ({ template }) => template],
  ['cert', ({ cert }) => cert],
  ['tls', ({ tls }) => (tls === 'off' ? tls : undefined)],
  ['access-log', ({ unlogged }) => unlogged],
];

/** Labels that somebody relies on and that do nothing are told. */
function withoutEffect(
  member: Accepted,
  { site, leader }: { readonly site: Site; readonly leader: string },
): readonly Verdict[] {
  const { wanted, candidate } = member;
  if (candidate.lingering) return [];
  const told = (reason: string): readonly Verdict[] => [{ ...member, rejected: false, reason }];
  const where = `${wanted.host}${wanted.path}`;
  const route = site.routes.find(({ path }) => path === wanted.path);
  const joined = route?.lead !== undefined && wanted.member !== route.lead;
  if (!isLeader(wanted, site) && !joined) {
    const leading = leadRoutes(site).map(({ access }) => access);
    const idle = SITE_OPTIONS.filter(
      ([, of]) =>
        of(wanted.access) !== undefined &&
        !leading.some((access) => of(access) === of(wanted.access)),
    ).map(([label]) => label);
    if (idle.length > 0) {
      return told(
        `its ${idle.join(', ')} for ${where} has no effect: such options hold for a whole site, and ${wanted.host} is that of container ${leader}`,
      );
    }
  }
  const isIdle = (name: string): boolean => !site.redirectFrom.includes(name);
  if (
    joined &&
    (JSON.stringify(route.access) !== JSON.stringify(wanted.access) ||
      wanted.redirectFrom.some(isIdle))
  ) {
    return told(
      `its options for ${where} differ from those of ${route.lead}, which has the route in this group: they hold when that is gone`,
    );
  }
  return [];
}
