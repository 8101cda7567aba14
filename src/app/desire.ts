/** What should be live, and how that differs from what is: plan, render, compare. Changes nothing. */
import type { LiveGeneration } from '../adapters/generation-store.ts';
import { buildGeneration, type Generation, type RenderedSite } from '../core/generation.ts';
import { changesByName, changesFrom, changesToAll, INDEX } from '../core/generation-changes.ts';
import type { Holders } from '../core/claims.ts';
import type { Problem } from '../core/model.ts';
import type { FileChange } from '../core/plan-files.ts';
import { absentSite, refusals } from '../core/quarantine.ts';
import { RoutePlanner } from '../core/route-planner.ts';
import type { Candidate } from '../core/routes.ts';
import type { RoutePlan } from '../core/routes-model.ts';
import { refusing } from '../core/site-inputs.ts';
import type { PublisherDeps } from './publisher.ts';

export type Desired = {
  readonly plan: RoutePlan;
  readonly generation: Generation;
  /** The sites of the generation, in its order. */
  readonly rendered: readonly RenderedSite[];
  /** Of the plan, and of sites that Nginx refused. */
  readonly problems: readonly Problem[];
  readonly live: LiveGeneration | undefined;
  /** What differs from the files that are live now, read from disk where `verify` was asked. */
  readonly changes: readonly FileChange[];
  /** Files of the live generation that somebody changed or removed by hand; told only where `verify` was asked. */
  readonly drift: readonly string[];
};

export type DesireOptions = {
  /** Reads what is live from disk. */
  readonly verify: boolean;
  /** Sites that Nginx refused are tried again, though nothing about them has changed. */
  readonly retry?: boolean;
};

export type Desire = {
  readonly desire: (candidates: readonly Candidate[], options?: DesireOptions) => Promise<Desired>;
  readonly build: (
    rendered: readonly RenderedSite[],
    plan: Pick<RoutePlan, 'rejected'>,
  ) => Promise<Generation>;
};

export type KnownGenerations = {
  /** The last generation that was seen confirmed. */
  readonly proven: () => LiveGeneration | undefined;
  readonly filesIn: (live: LiveGeneration) => ReadonlySet<string>;
  readonly holdersIn: (live: LiveGeneration) => Holders;
};

export function createDesire(deps: PublisherDeps, known: KnownGenerations): Desire {
  const { store, nginx } = deps;
  const planner = new RoutePlanner();

  const build = async (
    rendered: readonly RenderedSite[],
    { rejected }: Pick<RoutePlan, 'rejected'>,
  ): Promise<Generation> => {
    const { userDirectives, userDefaults } = await nginx.facts();
    return buildGeneration(rendered, rejected, {
      dir: store.dir,
      listen: deps.listen,
      userDirectives,
      userDefaults,
      renderIndex: deps.renderIndex,
      hash: deps.hash,
    });
  };

  const desire: Desire['desire'] = async (candidates, options = { verify: true }) => {
    const { verify, retry = false } = options;
    const { handWritten } = await nginx.facts();
    const proven = known.proven();
    const live = !verify && proven ? proven : await store.live();
    const plan = planner.plan(candidates, {
      handWritten,
      holders: live ? known.holdersIn(live) : new Map(),
      authFiles: await deps.authFiles(),
      ...(deps.listen.tls && { certificateOf: deps.listen.tls.certificateOf }),
      ...refusing(deps.listen.inputs),
    });
    const files = live ? known.filesIn(live) : new Set<string>();
    const sites = deps.renderSites(plan.sites, files);
    const rendered = live && !retry ? withStubs(sites, live.manifest.quarantined) : sites;
    const generation = await build(rendered, plan);
    const problems = [...plan.problems, ...refusals(rendered)];
    const desired = { plan, problems, generation, rendered, live, drift: [] };
    if (!verify && live?.id === generation.id) return { ...desired, changes: [] };
    if (!verify && live) return { ...desired, changes: changesByName(files, generation) };
    if (!live)
      return { ...desired, changes: changesToAll(generation), drift: proven ? [INDEX] : [] };
    const onDisk = await store.liveFiles(live);
    return { ...desired, ...changesFrom({ ...live, files: onDisk }, generation, deps) };
  };

  /** Those that were refused as they are now, and still would be. */
  const withStubs = (
    rendered: readonly RenderedSite[],
    quarantined: Generation['manifest']['quarantined'],
  ): readonly RenderedSite[] => {
    if (quarantined.length === 0) return rendered;
    const refusedBefore = new Map(quarantined.map((each) => [`${each.host} ${each.hash}`, each]));
    return rendered.map((each) => {
      const refused = each.refused
        ? undefined
        : refusedBefore.get(`${each.site.host} ${each.hash}`);
      if (refused === undefined) return each;
      const { reason, owners, absent } = refused;
      return absent
        ? absentSite(each, reason, deps.hash)
        : deps.renderSites.stubOf(each, reason, owners);
    });
  };

  return { desire, build };
}
