/** planRoutes() for one list after another: only what touches a contested name is decided anew. */
import type { Container } from './model.ts';
import {
  byContainer,
  byHost,
  byRoute,
  planRoutes,
  type Candidate,
  type RouteContext,
} from './routes.ts';
import type { RoutePlan, Site } from './routes-model.ts';
import { allOf, ownAddresses } from './upstreams.ts';

/** A name or an address, and how many candidates want it. */
type Wish = { readonly key: string; count: number };

type Known = {
  readonly candidate: Candidate;
  /** Each once. */
  readonly wishes: readonly Wish[];
  /** It has one host under two owners (a group and itself): whose the site is depends on who held it. */
  readonly isSplit: boolean;
  /** What planRoutes() says of it alone; undefined while it shares a wish, or is not planned yet. */
  alone: RoutePlan | undefined;
  seen: number;
};

type Facts = Pick<RouteContext, 'handWritten' | 'authFiles'>;

/**
 * A candidate whose names and addresses nobody else wants gets the same plan alone as among all the
 * others, so that plan is kept. All who share a name are planned together, each time: who holds it may
 * have changed.
 */
export class RoutePlanner {
  readonly #known = new Map<Container['id'], Known>();
  readonly #wishes = new Map<string, Wish>();
  #facts: Facts | undefined;
  /** Sites of those who share nothing, by host. */
  #sorted: readonly Site[] = [];
  readonly #removed = new Set<Site>();
  readonly #added: Site[] = [];
  #pass = 0;

  /** The same plan as planRoutes() makes of the same values. Equal sites stay the same objects. */
  plan(candidates: readonly Candidate[], context: RouteContext): RoutePlan {
    this.#takeIn(candidates, context);
    const plans: RoutePlan[] = [];
    const contested: Candidate[] = [];
    for (const known of this.#known.values()) {
      if (known.isSplit || known.wishes.some(({ count }) => count > 1)) {
        contested.push(known.candidate);
        this.#forgetPlan(known);
        continue;
      }
      if (!known.alone) {
        known.alone = planRoutes([known.candidate], context);
        this.#added.push(...known.alone.sites);
      }
      if (known.alone.problems.length > 0) plans.push(known.alone);
    }
    const rest = planRoutes(contested, context);
    plans.push(rest);
    if (this.#removed.size > 0) {
      this.#sorted = this.#sorted.filter((site) => !this.#removed.has(site));
      this.#removed.clear();
    }
    this.#sorted = merged(this.#sorted, this.#added.splice(0).toSorted(byHost));
    return {
      sites: merged(this.#sorted, rest.sites),
      rejected: plans.flatMap(({ rejected }) => rejected).toSorted(byRoute),
      problems: plans.flatMap(({ problems }) => problems).toSorted(byContainer),
    };
  }

  #takeIn(candidates: readonly Candidate[], facts: Facts): void {
    if (this.#facts && !sameFacts(this.#facts, facts)) {
      for (const known of this.#known.values()) this.#forgetPlan(known);
    }
    this.#facts = facts;
    this.#pass += 1;
    for (const candidate of candidates) {
      const { id } = candidate.container;
      const before = this.#known.get(id);
      if (before && sameCandidate(before.candidate, candidate)) {
        before.seen = this.#pass;
        continue;
      }
      if (before) this.#forget(before);
      const wishes = wishesOf(candidate).map((key) => this.#wish(key));
      this.#known.set(id, {
        ...{ candidate, wishes, isSplit: isSplit(candidate) },
        ...{ alone: undefined, seen: this.#pass },
      });
    }
    if (this.#known.size === candidates.length) return;
    for (const [id, known] of this.#known) {
      if (known.seen === this.#pass) continue;
      this.#forget(known);
      this.#known.delete(id);
    }
  }

  #wish(key: string): Wish {
    const wish = this.#wishes.get(key) ?? { key, count: 0 };
    wish.count += 1;
    this.#wishes.set(key, wish);
    return wish;
  }

  #forget(known: Known): void {
    this.#forgetPlan(known);
    for (const wish of known.wishes) {
      wish.count -= 1;
      if (wish.count === 0) this.#wishes.delete(wish.key);
    }
  }

  #forgetPlan(known: Known): void {
    for (const site of known.alone?.sites ?? []) this.#removed.add(site);
    known.alone = undefined;
  }
}

const wishesOf = ({ container, routes }: Candidate): readonly string[] => [
  ...new Set([
    ...routes.wanted.flatMap(({ host, redirectFrom, server }) => [
      host,
      ...redirectFrom,
      `at ${allOf(server.address)}`,
    ]),
    // Those without a label as well: they are another's no more.
    ...ownAddresses(container).map((address) => `at ${allOf(address)}`),
  ]),
];

const isSplit = ({ routes: { wanted } }: Candidate): boolean =>
  wanted.some(({ host, owner }) =>
    wanted.some((other) => other.host === host && other.owner !== owner),
  );

const sameCandidate = (a: Candidate, b: Candidate): boolean =>
  a.container === b.container &&
  a.lingering === b.lingering &&
  a.draining === b.draining &&
  a.routes.wanted === b.routes.wanted &&
  (a.lingering || a.routes.problems === b.routes.problems);

const sameFacts = (a: Facts, b: Facts): boolean =>
  (a.handWritten === b.handWritten || textOf(a.handWritten) === textOf(b.handWritten)) &&
  (a.authFiles === b.authFiles || textOf(a.authFiles) === textOf(b.authFiles));

const textOf = (values: Facts['handWritten'] | Facts['authFiles']): string =>
  values ? JSON.stringify([...values]) : '';

/** Two lists by host, as one. */
function merged(many: readonly Site[], few: readonly Site[]): readonly Site[] {
  if (few.length === 0) return many;
  const all: Site[] = [];
  let at = 0;
  for (const site of few) {
    for (let next = many[at]; next && byHost(next, site) < 0; next = many[++at]) all.push(next);
    all.push(site);
  }
  return [...all, ...many.slice(at)];
}
