/** Who holds which route and which name: nobody takes them from a holder that still asks for them. */
import type { Candidate } from './routes.ts';
import type { WantedRoute } from './routes-model.ts';

/** Owners in the live generation, by `routeKey`, `siteKey`, `redirectKey`, `leadKey` and `siteLeadKey`. */
export type Holders = ReadonlyMap<string, string>;

export const routeKey = (host: string, path: string): string => `${host} ${path}`;
/** Whose options hold for the whole site. */
export const siteKey = (host: string): string => `${host} site`;
export const redirectKey = (name: string): string => `${name} redirect`;
/** Who in a group has the route's options. */
export const leadKey = (host: string, path: string): string => `${host} ${path} lead`;

/** Who in a group has the site's options. */
export const siteLeadKey = (host: string): string => `${host} site lead`;

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Who holds a whole site, then who holds a route, then the container created first; who has just stopped and holds nothing is last. */
export function inOrder(candidates: readonly Candidate[], holders: Holders): readonly Candidate[] {
  const holds = (key: string, owner: string): boolean => holders.get(key) === owner;
  const rank = ({ routes, lingering }: Candidate): number => {
    const leads = routes.wanted.some(
      ({ host, owner, redirectFrom }) =>
        holds(siteKey(host), owner) || redirectFrom.some((name) => holds(redirectKey(name), owner)),
    );
    if (leads) return 0;
    if (routes.wanted.some(({ host, path, owner }) => holds(routeKey(host, path), owner))) return 1;
    return lingering ? 3 : 2;
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
export class Claims {
  readonly #routes = new Map<string, { readonly owner: string; readonly container: string }>();
  /** `site`, or the host that the name redirects to. */
  readonly #names = new Map<string, { readonly use: string; readonly container: string }>();

  /** By host, where one owner wants all of it. */
  readonly #unshared = new Map<string, { readonly owner: string; readonly container: string }>();

  refuse(wanted: readonly WantedRoute[]): string | undefined {
    for (const { host, path, owner, redirectFrom, unshared } of wanted) {
      const whole = this.#unshared.get(host);
      if (whole && whole.owner !== owner) return heldBy(host, whole);
      const guest = unshared && this.#names.get(host);
      if (guest) return `asks for all of ${host}, of which container ${guest.container} has a part`;
      const route = this.#routes.get(routeKey(host, path));
      if (route && route.owner !== owner) return heldBy(`${host}${path}`, route);
      const name = this.#names.get(host);
      if (name && name.use !== 'site') {
        return `asks for ${host}, which container ${name.container} redirects to ${name.use}`;
      }
      for (const from of redirectFrom) {
        const known = this.#names.get(from);
        if (known?.use === 'site')
          return `redirects ${from}, which container ${known.container} serves`;
        if (known && known.use !== host) {
          return `redirects ${from} to ${host}, but container ${known.container} redirects it to ${known.use}`;
        }
      }
    }
    return undefined;
  }

  take(container: string, wanted: readonly WantedRoute[]): void {
    for (const { host, path, owner, redirectFrom, unshared } of wanted) {
      if (unshared) this.#unshared.set(host, { owner, container });
      const key = routeKey(host, path);
      if (!this.#routes.has(key)) this.#routes.set(key, { owner, container });
      this.#names.set(host, { use: 'site', container });
      for (const from of redirectFrom) this.#names.set(from, { use: host, container });
    }
  }
}

/** @param owner as ownerOf() says: a container by itself is its own */
const heldBy = (what: string, { owner, container }: { owner: string; container: string }): string =>
  `asks for ${what}, which container ${container}${owner === `container ${container}` ? '' : ` (${owner})`} already serves; ` +
  'give one of them another host, or both the same label "group" to share it';

/** A container that still asks for a name. */
type Claimant = { readonly container: string; readonly lingering: boolean };

/** By key: owner -> its first container by name, one that runs before one that does not. */
export type Claimants = ReadonlyMap<string, ReadonlyMap<string, Claimant>>;

export function claimantsOf(
  candidates: readonly Candidate[],
  wantedOf: (candidate: Candidate) => readonly WantedRoute[],
): Claimants {
  const claimants = new Map<string, Map<string, Claimant>>();
  for (const candidate of candidates) {
    const claimant = { container: candidate.container.name, lingering: candidate.lingering };
    for (const { host, path, owner, redirectFrom } of wantedOf(candidate)) {
      for (const key of [routeKey(host, path), siteKey(host), ...redirectFrom.map(redirectKey)]) {
        const owners = claimants.get(key) ?? new Map<string, Claimant>();
        const before = owners.get(owner);
        if (before === undefined || comesBefore(claimant, before)) owners.set(owner, claimant);
        claimants.set(key, owners);
      }
    }
  }
  return claimants;
}

const comesBefore = (a: Claimant, b: Claimant): boolean =>
  a.lingering === b.lingering ? a.container < b.container : b.lingering;

/**
 * The owner in the live generation keeps its routes and names, however old the newcomer is, and while
 * its container restarts.
 */
export function refusedByHolder(
  wanted: readonly WantedRoute[],
  { claimants, holders }: { readonly claimants: () => Claimants; readonly holders: Holders },
): string | undefined {
  const other = (key: string, owner: string): (Claimant & { owner: string }) | undefined => {
    const holder = holders.get(key);
    if (holder === undefined || holder === owner) return undefined;
    const claimant = claimants().get(key)?.get(holder);
    return claimant && { ...claimant, owner: holder };
  };
  const late = ({ lingering }: Claimant): string =>
    lingering ? ' (which has just stopped, and keeps it for watch.linger)' : '';
  for (const { host, path, owner, redirectFrom } of wanted) {
    const holder = other(routeKey(host, path), owner);
    if (holder) return heldBy(`${host}${path}`, holder) + late(holder);
    const redirecting = other(redirectKey(host), owner);
    if (redirecting) {
      return `asks for ${host}, which container ${redirecting.container} redirects${late(redirecting)}`;
    }
    for (const from of redirectFrom) {
      const site = other(siteKey(from), owner);
      if (site) return `redirects ${from}, which container ${site.container} serves${late(site)}`;
      const redirect = other(redirectKey(from), owner);
      if (redirect) {
        return `redirects ${from}, which container ${redirect.container} redirects already${late(redirect)}`;
      }
    }
  }
  return undefined;
}
