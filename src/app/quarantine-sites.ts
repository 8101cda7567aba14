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
import { blamed, findRefused, refusals, soleOwner, type Refused } from '../core/quarantine.ts';
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
  readonly log: Log;
};

/** Reserved by RFC 2606: nobody's host. */
const PROBE_HOST = 'portcullis-probe.invalid';

const fileOf = ({ site, hash }: RenderedSite): string => siteFile(site.host, hash);

export async function quarantine(
  desired: Desired,
  { store, nginx, stubOf, build, before, log }: QuarantineDeps,
): Promise<Desired | undefined> {
  const { generation, rendered, plan, live, drift } = desired;
  let runs = 0;
  const test = async (files: readonly string[]): Promise<TestResult> => {
    runs += 1;
    const index = indexOfOnly(generation.index, new Set(files));
    return nginx.test(await store.writeCandidate(index));
  };
  const suspects = [...generation.siteFiles.keys()].filter((file) => before?.has(file) !== true);
  // A stub that is refused will not be helped by another stub.
  const stubs = new Set(rendered.flatMap((each) => (each.refused ? [fileOf(each)] : [])));
  const owners = new Map(rendered.map((each) => [fileOf(each), soleOwner(each.site)]));
  const refused = await search(suspects, test, (file) => owners.get(file));
  log.debug('quarantine-search', { suspects: suspects.length, runs });
  if (!refused || refused.length === 0) return undefined;
  const reasons = new Map(refused.map(({ file, reason }) => [file, reason]));
  const testAlone = async (site: RenderedSite): Promise<TestResult> => {
    const alone = await build([site], plan);
    await store.writeSites(alone);
    return nginx.test(await store.writeCandidate(alone.index));
  };
  const [example] = rendered.filter(
    (each) => reasons.has(fileOf(each)) && !stubs.has(fileOf(each)),
  );
  if (example) await requirePlainSite(example, { stubOf, testAlone });
  const kept: RenderedSite[] = [];
  for (const each of rendered) {
    const reason = reasons.get(fileOf(each));
    if (reason === undefined) kept.push(each);
    else if (!stubs.has(fileOf(each))) {
      kept.push(await standIn(each, `Nginx says: ${reason}`, { stubOf, testAlone }));
    }
  }
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
  readonly testAlone: (site: RenderedSite) => Promise<TestResult>;
};

/**
 * Where Nginx refuses even a site that asks for nothing, what all sites share is to blame, and to
 * quarantine them would take all of them down.
 *
 * @throws {PortcullisError} `nginx-rejected`
 */
async function requirePlainSite(
  example: RenderedSite,
  { stubOf, testAlone }: StandInDeps,
): Promise<void> {
  const site = { ...example.site, host: PROBE_HOST, redirectFrom: [] };
  const owners = site.routes.map(blamed);
  const result = await testAlone(stubOf({ ...example, site }, '', owners));
  if (result.ok) return;
  throw new PortcullisError(
    'nginx-rejected',
    `Nginx refuses even a site without labels: ${result.reason}; look at template_dir, snippet_dir (default.conf, default.location.conf) and nginx.access_log; what was live stays live`,
    { detail: result.output },
  );
}

/** Who adds a path to another's site, or to a group's, takes that path down at most: the site without it is tried. */
async function standIn(
  refused: RenderedSite,
  reason: string,
  { stubOf, testAlone }: StandInDeps,
): Promise<RenderedSite> {
  const { site } = refused;
  const leaders = leadRoutes(site).map(blamed);
  let guilty = [...new Set(site.routes.map(blamed))].filter((each) => !leaders.includes(each));
  if (guilty.length === 0) return stubOf(refused, reason);
  let best = stubOf(refused, reason, guilty);
  if (!(await testAlone(best)).ok) return stubOf(refused, reason);
  for (const each of guilty) {
    if (guilty.length === 1) break;
    const fewer = guilty.filter((other) => other !== each);
    const candidate = stubOf(refused, reason, fewer);
    if (!(await testAlone(candidate)).ok) continue;
    [guilty, best] = [fewer, candidate];
  }
  return best;
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
  ownerOf: (file: string) => string | undefined,
): Promise<readonly Refused[] | undefined> {
  const steps = findRefused(suspects, await test(suspects), ownerOf);
  let step = steps.next();
  while (!step.done) step = steps.next(await test(step.value));
  return step.value;
}
