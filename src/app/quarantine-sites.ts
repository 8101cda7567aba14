/** Nginx refused a generation: the same without those that are to blame, or nothing when it is not a site's fault. */
import type { GenerationStore } from '../adapters/generation-store.ts';
import type { Log } from '../adapters/log.ts';
import {
  includedFiles,
  indexOfOnly,
  siteFile,
  type Generation,
  type RenderedSite,
} from '../core/generation.ts';
import type { NginxHost } from '../core/nginx-host.ts';
import type { TestResult } from '../core/nginx-test-output.ts';
import { groupBy } from '../core/group-by.ts';
import {
  absentSite,
  blamed,
  culpritsOf,
  findRefused,
  inOrderOfSearch,
  MOST_OF_SAME,
  refusals,
  type Refused,
} from '../core/quarantine.ts';
import type { Site } from '../core/routes-model.ts';
import { leadRoutes } from '../core/tls/site-tls.ts';
import { PortcullisError } from '../errors.ts';
import type { Desired } from './desire.ts';
import type { SiteRenderer } from './site-renderer.ts';

export type QuarantineDeps = {
  readonly store: GenerationStore;
  readonly nginx: NginxHost;
  readonly stubOf: SiteRenderer['stubOf'];
  readonly build: (rendered: readonly RenderedSite[], plan: Desired['plan']) => Promise<Generation>;
  /** Files that a confirmed generation has proven; undefined for none. */
  readonly before: ReadonlySet<string> | undefined;
  readonly hash: (text: string) => string;
  readonly log: Log;
};

/** Reserved by RFC 2606: nobody's host. */
const PROBE_HOST = 'portcullis-probe.invalid';

const fileOf = ({ site, hash }: RenderedSite): string => siteFile(site.host, hash);

export async function quarantine(
  desired: Desired,
  { store, nginx, stubOf, build, before, hash, log }: QuarantineDeps,
): Promise<Desired | undefined> {
  const { generation, rendered, plan, live, drift } = desired;
  let runs = 0;
  const test = async (files: readonly string[]): Promise<TestResult> => {
    runs += 1;
    const index = indexOfOnly(generation.index, new Set(files));
    return nginx.test(await store.writeCandidate(index));
  };
  const quarantined = new Set(live?.manifest.quarantined.map(({ host }) => host));
  const held = new Set(live?.manifest.sites.map(({ host }) => host));
  const suspects = inOrderOfSearch(
    // An absent site has nothing left to refuse, so what is refused each time is less.
    rendered.filter((each) => before?.has(fileOf(each)) !== true && !each.refused?.absent),
    (host) => held.has(host) && !quarantined.has(host),
  ).map(fileOf);
  const culprits = new Map(rendered.map((each) => [fileOf(each), culpritsOf(each.site)]));
  const refused = await search(suspects, test, (file) => culprits.get(file));
  log.debug('quarantine-search', { suspects: suspects.length, runs });
  if (!refused || refused.length === 0) return undefined;
  const reasons = new Map(refused.map(({ file, reason }) => [file, `Nginx says: ${reason}`]));
  const reasonOf = (each: RenderedSite): string => reasons.get(fileOf(each)) ?? '';
  const testAll = async (sites: readonly RenderedSite[]): Promise<TestResult> => {
    const them = await build(sites, plan);
    await store.writeSites(them);
    return nginx.test(await store.writeCandidate(them.index));
  };
  const guilty = rendered.filter((each) => reasons.has(fileOf(each)));
  // A stub that is refused will not be helped by another stub.
  const unstubbed = guilty.filter((each) => each.refused === undefined);
  const [example] = unstubbed;
  if (example) await requirePlainSite(example, { stubOf, testAll });
  const standsFor = new Map(guilty.map((each) => [each, absentSite(each, reasonOf(each), hash)]));
  for (const sites of groupBy(unstubbed, ({ site }) => culpritsOf(site)).values()) {
    const those = await standIns(sites, reasonOf, { stubOf, testAll });
    for (const [each, stub] of those) standsFor.set(each, stub);
  }
  const kept = rendered.map((each) => standsFor.get(each) ?? each);
  const next = await build(kept, plan);
  return {
    plan,
    problems: [...plan.problems, ...refusals(kept)],
    live,
    drift,
    rendered: kept,
    generation: next,
    changes: next.id === live?.id ? [] : changesTo(next, live),
  };
}

type StandInDeps = Pick<QuarantineDeps, 'stubOf'> & {
  readonly testAll: (sites: readonly RenderedSite[]) => Promise<TestResult>;
};

/**
 * Where Nginx refuses even a site that asks for nothing, what all sites share is to blame, and to
 * quarantine them would take all of them down.
 *
 * @throws {PortcullisError} `nginx-rejected`
 */
async function requirePlainSite(
  example: RenderedSite,
  { stubOf, testAll }: StandInDeps,
): Promise<void> {
  const site = { ...example.site, host: PROBE_HOST, redirectFrom: [] };
  const owners = site.routes.map(blamed);
  const result = await testAll([stubOf({ ...example, site }, '', owners)]);
  if (result.ok) return;
  throw new PortcullisError(
    'nginx-rejected',
    `Nginx refuses even a site without labels: ${result.reason}; look at template_dir, snippet_dir (default.conf, default.location.conf) and nginx.access_log; what was live stays live`,
    { detail: result.output },
  );
}

/**
 * What stands for sites that the same have a part in. Who adds a path to another's site, or to a group's,
 * takes that path down at most: the sites without their guests are tried, together and then one by one.
 */
async function standIns(
  sites: readonly RenderedSite[],
  reasonOf: (site: RenderedSite) => string,
  { stubOf, testAll }: StandInDeps,
): Promise<ReadonlyMap<RenderedSite, RenderedSite>> {
  const without = (each: RenderedSite, guests: readonly string[]): RenderedSite =>
    stubOf(each, reasonOf(each), guests);
  const found = new Map(sites.map((each) => [each, stubOf(each, reasonOf(each))]));
  const hosting = sites.filter(({ site }) => guestsOf(site).length > 0);
  const allPass =
    hosting.length > 1 &&
    (await testAll(hosting.map((each) => without(each, guestsOf(each.site))))).ok;
  let failed = 0;
  for (const each of hosting) {
    let guilty = guestsOf(each.site);
    let best = without(each, guilty);
    if (!allPass && !(await testAll([best])).ok) {
      failed += 1;
      if (failed < MOST_OF_SAME) continue;
      break;
    }
    for (const innocent of guilty) {
      if (guilty.length === 1) break;
      const fewer = guilty.filter((other) => other !== innocent);
      const candidate = without(each, fewer);
      if ((await testAll([candidate])).ok) [guilty, best] = [fewer, candidate];
    }
    found.set(each, best);
  }
  return found;
}

/** Who has a part in the site, and no say in its options. */
function guestsOf(site: Site): readonly string[] {
  const leaders = leadRoutes(site).map(blamed);
  return [...new Set(site.routes.map(blamed))].filter((each) => !leaders.includes(each));
}

/** Read from what the index names: a file named by its content needs no reading. */
function changesTo(next: Generation, live: Desired['live']): Desired['changes'] {
  const known = new Set(includedFiles(live?.index ?? ''));
  return [
    { kind: 'replace', path: 'portcullis.conf', text: next.index },
    ...[...next.siteFiles].flatMap(([path, text]) =>
      known.has(path) ? [] : [{ kind: 'create', path, text } as const],
    ),
  ];
}

async function search(
  suspects: readonly string[],
  test: (files: readonly string[]) => Promise<TestResult>,
  culpritsIn: (file: string) => string | undefined,
): Promise<readonly Refused[] | undefined> {
  const steps = findRefused(suspects, await test(suspects), culpritsIn);
  let step = steps.next();
  while (!step.done) step = steps.next(await test(step.value));
  return step.value;
}
