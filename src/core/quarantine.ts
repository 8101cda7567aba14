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
/** Of the same culprits: after these, their others are not tried one by one. */
export const MOST_OF_SAME = 5;

/**
 * A file that Nginx names costs one test. Where it names none of them, the shortest prefix that fails
 * is searched: log2 of their number, and its last file is guilty, alone or with those before it.
 *
 * @param files those that may be guilty
 * @param first what Nginx said of all of them together
 * @param culpritsOf a file: nobody's many sites keep those of others from being served
 * @returns undefined when the fault lies elsewhere: it fails without any of them, or too many are guilty
 */
export function* findRefused(
  files: readonly string[],
  first: TestResult,
  culpritsOf: (file: string) => string | undefined = () => undefined,
): Generator<readonly string[], readonly Refused[] | undefined, TestResult> {
  const refused: Refused[] = [];
  const ofSame = new Map<string, number>();
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
    const culprits = culpritsOf(file);
    if (culprits !== undefined) {
      const count = (ofSame.get(culprits) ?? 0) + 1;
      ofSame.set(culprits, count);
      if (count >= MOST_OF_SAME) {
        const others = left.filter((each) => culpritsOf(each) === culprits);
        const why = `(not tried: ${count} sites of ${culprits} were refused, the last one so) ${reason}`;
        refused.push(...others.map((each) => ({ file: each, reason: why })));
        left = left.filter((each) => culpritsOf(each) !== culprits);
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

/** Who is to blame for a route: its owner; in a group the member whose options it has, whatever groups that names. */
export const blamed = ({ owner, lead }: Route): string => lead ?? owner;

/** Everybody who has a part in the site. */
export const culpritsOf = ({ routes }: Site): string =>
  [...new Set(routes.map(blamed))].toSorted().join(' and ');

/** In the order of search: who holds its host comes first, so that of sites that fail only together a newcomer's goes. */
export const inOrderOfSearch = (
  rendered: readonly RenderedSite[],
  isHeld: (host: string) => boolean,
): readonly RenderedSite[] => {
  const isTrusted = ({ site: { host }, refused }: RenderedSite): boolean =>
    refused === undefined && isHeld(host);
  return [...rendered.filter(isTrusted), ...rendered.filter((each) => !isTrusted(each))];
};

const ABSENT = '# Nginx refuses this site, and a stub in its place as well.\n';

/** What stands for a site where Nginx refuses even a stub, as for its name: no server block. */
export const absentSite = (
  { site, hash, refused }: RenderedSite,
  reason: string,
  hashOf: (text: string) => string,
): RenderedSite => {
  const meant = refused?.meant ?? site;
  return {
    site: meant,
    text: ABSENT,
    hash: hashOf(ABSENT),
    refused: { hash: refused?.hash ?? hash, reason, meant, absent: true },
  };
};

/** The site where the routes of these answer 503, with none of their options and redirects. */
export function withoutRoutesOf(site: Site, culprits: readonly string[]): Site {
  const others = site.othersRedirects ?? [];
  const dropped = others.filter(([, , culprit]) => culprits.includes(culprit));
  return {
    ...site,
    redirectFrom: site.redirectFrom.filter((name) => !dropped.some(([each]) => each === name)),
    othersRedirects: others.filter((each) => !dropped.includes(each)),
    routes: site.routes.map((route) =>
      culprits.includes(blamed(route)) ? { ...route, access: PLAIN, servers: [] } : route,
    ),
  };
}

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
    const { meant, owners, absent } = refused;
    const routes = meant.routes.filter((route) => isRefused(route, refused));
    const label = labelOf(
      refused.reason,
      routes.map(({ access }) => access),
    );
    const about = label === '' ? '' : `, which its label ${label} may explain`;
    const what =
      owners === undefined
        ? `the site ${meant.host} is quarantined and ${absent ? 'not served at all' : 'answers 503'}`
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
  if (/certificate|key values mismatch|PEM/i.test(reason)) {
    if (has(({ cert }) => cert !== undefined)) return 'cert';
    return has(({ upstreamTls }) => upstreamTls?.ca !== undefined) ? 'upstream-ca' : '';
  }
  return has(({ template }) => template !== undefined) ? 'template' : '';
}
