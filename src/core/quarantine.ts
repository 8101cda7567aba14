/**
 * Which sites Nginx refuses, found with few tests. A generator: it yields the files that are to be
 * tested together, and is given what `nginx -t` said of them.
 */
import type { TestResult } from './nginx-test-output.ts';
import type { Quarantined, RenderedSite } from './generation.ts';
import type { Problem } from './model.ts';
import { PLAIN, type Access, type Route, type Site } from './routes-model.ts';

export type Refused = {
  /** Relative to nginx.dir. */
  readonly file: string;
  /** Nginx's own words, in one line. */
  readonly reason: string;
};

/** Above this the fault is not a site's: nothing is quarantined. */
const MOST = 200;
/** Of one owner: after these, its others are not tried one by one. */
const MOST_OF_ONE = 5;

/**
 * A file that Nginx names costs one test. Where it names none of them, the shortest prefix that fails
 * is searched: log2 of their number, and its last file is guilty, alone or with those before it.
 *
 * @param files those that may be guilty
 * @param first what Nginx said of all of them together
 * @param ownerOf a file, where all of it is one owner's: nobody's many sites keep the others from being served
 * @returns undefined when the fault lies elsewhere: it fails without any of them, or too many are guilty
 */
export function* findRefused(
  files: readonly string[],
  first: TestResult,
  ownerOf: (file: string) => string | undefined = () => undefined,
): Generator<readonly string[], readonly Refused[] | undefined, TestResult> {
  const refused: Refused[] = [];
  const ofOwner = new Map<string, number>();
  let found = 0;
  let left = files;
  let result = first;
  let provenElsewhere = false;
  while (!result.ok) {
    if (found >= MOST) return undefined;
    let guilty = namedIn(result, left);
    if (guilty === undefined) {
      if (!provenElsewhere) {
        const without = yield [];
        if (!without.ok) return undefined;
        provenElsewhere = true;
      }
      guilty = yield* bisect(left, result);
    }
    const { file, reason } = guilty;
    found += 1;
    refused.push(guilty);
    left = left.filter((each) => each !== file);
    const owner = ownerOf(file);
    if (owner !== undefined) {
      const count = (ofOwner.get(owner) ?? 0) + 1;
      ofOwner.set(owner, count);
      if (count >= MOST_OF_ONE) {
        const others = left.filter((each) => ownerOf(each) === owner);
        const why = `(not tried: ${count} sites of ${owner} were refused, the last one so) ${reason}`;
        refused.push(...others.map((each) => ({ file: each, reason: why })));
        left = left.filter((each) => ownerOf(each) !== owner);
      }
    }
    if (left.length === 0) return refused;
    result = yield left;
  }
  return refused;
}

/** @param failed what was said of all of `files` */
function* bisect(
  files: readonly string[],
  failed: TestResult & { ok: false },
): Generator<readonly string[], Refused, TestResult> {
  // files[0..good] passes, files[0..bad] fails.
  let [good, bad, last] = [0, files.length, failed];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    const result: TestResult = yield files.slice(0, middle);
    if (result.ok) {
      good = middle;
      continue;
    }
    const named = namedIn(result, files);
    if (named) return named;
    [bad, last] = [middle, result];
  }
  return { file: files[bad - 1] ?? '', reason: last.reason };
}

function namedIn(result: TestResult, files: readonly string[]): Refused | undefined {
  if (result.ok || result.file === undefined) return undefined;
  const { file: path, line, reason } = result;
  const file = files.find((each) => path.endsWith(`/${each}`));
  return file === undefined ? undefined : { file, reason: `${reason} (${path}:${line ?? 0})` };
}

/** Who is to blame for a route: its owner, in a group the member whose options it has. */
export const blamed = ({ owner, lead }: Route): string =>
  lead === undefined ? owner : `${owner}, ${lead}`;

/** Undefined where several share the site. */
export function soleOwner({ routes }: Site): string | undefined {
  const [owner, ...others] = new Set(routes.map(blamed));
  return others.length === 0 ? owner : undefined;
}

/** The site where the routes of these answer 503, with none of their options. */
export const withoutRoutesOf = (site: Site, owners: readonly string[]): Site => ({
  ...site,
  routes: site.routes.map((route) =>
    owners.includes(blamed(route)) ? { ...route, access: PLAIN, servers: [] } : route,
  ),
});

/** Is the route one of those that Nginx refused? */
const isRefused = (route: Route, { owners }: Pick<Quarantined, 'owners'>): boolean =>
  owners?.includes(blamed(route)) !== false;

export function countRoutes(rendered: readonly RenderedSite[]): {
  readonly live: number;
  readonly quarantined: number;
} {
  let [live, quarantined] = [0, 0];
  for (const { site, refused } of rendered) {
    for (const route of refused?.meant.routes ?? site.routes) {
      if (refused && isRefused(route, refused)) quarantined += 1;
      else live += 1;
    }
  }
  return { live, quarantined };
}

/** What people are told of sites that are quarantined. */
export const refusals = (rendered: readonly RenderedSite[]): readonly Problem[] =>
  rendered.flatMap(({ refused }): readonly Problem[] => {
    if (refused === undefined) return [];
    const { meant, owners } = refused;
    const routes = meant.routes.filter((route) => isRefused(route, refused));
    const label = labelOf(
      refused.reason,
      routes.map(({ access }) => access),
    );
    const about = label === '' ? '' : `, which its label ${label} may explain`;
    const what =
      owners === undefined
        ? `the site ${meant.host} is quarantined and answers 503`
        : `its part of the site ${meant.host} (${routes.map(({ path }) => path).join(', ')}) is quarantined and answers 503`;
    const reason = `${what}${about}. ${refused.reason}`;
    const names = routes.flatMap(({ servers }) => servers.map(({ container }) => container));
    return [...new Set(names.length > 0 ? names : ['?'])].map((container) => ({
      container,
      label: '',
      reason,
      quarantined: true,
    }));
  });

/** The label that Nginx's words speak of, or '' where that cannot be told. */
export function labelOf(reason: string, accesses: readonly Access[]): string {
  const has = (test: (access: Access) => boolean): boolean => accesses.some(test);
  if (
    /host not found in upstream/.test(reason) &&
    has(({ authRequest }) => authRequest !== undefined)
  )
    return 'auth-request';
  if (/certificate|key values mismatch|PEM/i.test(reason)) {
    if (has(({ cert }) => cert !== undefined)) return 'cert';
    return has(({ upstreamTls }) => upstreamTls?.ca !== undefined) ? 'upstream-ca' : '';
  }
  return has(({ template }) => template !== undefined) ? 'template' : '';
}
