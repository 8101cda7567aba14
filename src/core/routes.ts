/** Many containers' wishes -> sites. Who owns a host is decided here, the same way for the same input. */
import { assembleSites, type Accepted } from './assemble-sites.ts';
import {
  Claims,
  claimantsOf,
  inOrder,
  refusedByHolder,
  routeKey,
  type Claimants,
  type Holders,
} from './claims.ts';
import type { Container, Problem } from './model.ts';
import { printable } from './problem-text.ts';
import type {
  ContainerRoutes,
  RejectedRoute,
  RoutePlan,
  Site,
  WantedRoute,
} from './routes-model.ts';
import type { ChooseCertificate } from './tls/site-tls.ts';
import { allOf, asksFor, ownAddresses } from './upstreams.ts';
import { unservable, withoutTls } from './unservable.ts';

export type Candidate = {
  readonly container: Container;
  readonly routes: ContainerRoutes;
  /** It has just stopped and may be back at once: it keeps the routes that it holds, but no address that another took. */
  readonly lingering: boolean;
  /** It was told to stop: replicas that stay get its requests. */
  readonly draining?: boolean;
};

/** A host that a server block written by hand already serves. */
export type HandWritten = { readonly file: string; readonly line: number };

export type RouteContext = {
  readonly handWritten: ReadonlyMap<string, HandWritten>;
  readonly holders: Holders;
  /** Names of the files in auth_dir; undefined where it cannot be known. */
  readonly authFiles: ReadonlySet<string> | undefined;
  /** The certificate of a host; undefined where it cannot be known. */
  readonly certificateOf?: ChooseCertificate;
  /** Why the files that a route needs do not allow it; undefined where that cannot be known. */
  readonly refusedInput?: (wanted: WantedRoute) => string | undefined;
};

/** Decides which routes are served. Same input in any order: same plan. */
export function planRoutes(candidates: readonly Candidate[], context: RouteContext): RoutePlan {
  const problems: Problem[] = candidates.flatMap(({ routes }) => routes.problems);
  const rejected: RejectedRoute[] = [];
  const claims = new Claims();
  const accepted: Accepted[] = [];
  const wantedOf = withoutTaken(candidates);
  let known: Claimants | undefined;
  const claimants = (): Claimants => (known ??= claimantsOf(candidates, wantedOf));

  for (const candidate of inOrder(candidates, context.holders)) {
    const { container, lingering } = candidate;
    const wanted = wantedOf(candidate);
    const refusal =
      unservable(wanted, context) ??
      (lingering ? undefined : refusedByHolder(wanted, { claimants, holders: context.holders })) ??
      claims.refuse(wanted);
    if (refusal === undefined) {
      claims.take(container.name, wanted);
      for (const each of wanted) accepted.push({ candidate, wanted: each });
      if (!lingering) problems.push(...withoutTls(container, wanted, context));
      continue;
    }
    if (lingering) continue;
    // It may name another container, whose name may be anything.
    const reason = printable(refusal);
    problems.push({ container: container.name, label: '', reason });
    rejected.push(...wanted.map((each) => rejectedRoute(each, reason)));
  }
  const { sites, verdicts } = assembleSites(accepted, context);
  for (const verdict of verdicts) {
    if (verdict.candidate.lingering) continue;
    const reason = printable(verdict.reason);
    problems.push({ container: verdict.candidate.container.name, label: '', reason });
    if (verdict.rejected) rejected.push(rejectedRoute(verdict.wanted, reason));
  }
  return {
    sites,
    rejected: rejected.toSorted(byRoute),
    problems: problems.toSorted(byContainer),
  };
}

/**
 * What each wants, without the addresses of containers that do not run and that another took meanwhile,
 * with or without labels. Where Docker chose the port, the container comes back on another, and its hosts
 * wait for it; a port that it asks for is that of whoever took it: it cannot come back.
 */
function withoutTaken(
  candidates: readonly Candidate[],
): (candidate: Candidate) => readonly WantedRoute[] {
  let taken: ReadonlySet<string> | undefined;
  const takenNow = (): ReadonlySet<string> =>
    (taken ??= new Set(
      candidates.flatMap(({ container, lingering }) => (lingering ? [] : ownAddresses(container))),
    ));
  const isTaken = ({ server: { address } }: WantedRoute): boolean =>
    takenNow().has(address) || takenNow().has(allOf(address));
  return ({ container, lingering, routes: { wanted } }) =>
    lingering
      ? wanted.flatMap((each) => {
          if (!isTaken(each)) return [each];
          return asksFor(container, each.server.address) ? [] : [{ ...each, ready: false }];
        })
      : wanted;
}

const rejectedRoute = ({ host, path, server }: WantedRoute, reason: string): RejectedRoute => ({
  host,
  path,
  container: server.container,
  id: server.id,
  address: server.address,
  reason,
});

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const byHost = (a: Site, b: Site): number => order(a.host, b.host);

export const byRoute = (a: RejectedRoute, b: RejectedRoute): number =>
  order(routeKey(a.host, a.path), routeKey(b.host, b.path)) ||
  order(a.address, b.address) ||
  order(a.id, b.id) ||
  order(a.reason, b.reason);

export const byContainer = (a: Problem, b: Problem): number =>
  order(a.container, b.container) || order(a.label, b.label) || order(a.reason, b.reason);
