/** A generation: the site files and the index that lists them. Named by its content. */
import { memo } from './memo.ts';
import { hostStem } from './names.ts';
import { leadKey, redirectKey, routeKey, siteKey, siteLeadKey, type Holders } from './claims.ts';
import { indexView, type IndexContext } from './index-view.ts';
import type { FileTree } from './model.ts';
import type { RejectedRoute, Site } from './routes-model.ts';

export type RenderedSite = {
  readonly site: Site;
  readonly text: string;
  readonly hash: string;
  /** It cannot be served as it is; `site` and `text` are then what stands for it. */
  readonly refused?: Refused;
};

export type Refused = {
  /** Of the text that was refused. */
  readonly hash: string;
  readonly reason: string;
  /** The site as it was meant. */
  readonly meant: Site;
  /** Those to blame, where the others' routes are served; undefined: the whole site is refused. */
  readonly owners?: readonly string[];
  /** Nginx refuses a stub in its place as well. */
  readonly absent?: true;
};

/** What a generation serves, for the next pass, `routes` and `explain`. No part of it reaches Nginx. */
export type Manifest = {
  readonly version: 1;
  readonly id: string;
  readonly sites: readonly {
    readonly host: string;
    readonly file: string;
    readonly owner?: string;
    readonly lead?: string;
    readonly redirectFrom?: readonly string[];
    readonly othersRedirects?: Site['othersRedirects'];
    readonly routes: readonly {
      readonly path: string;
      readonly owner: string;
      readonly lead?: string;
      readonly servers: readonly { address: string; container: string; id: string }[];
    }[];
  }[];
  readonly rejected: readonly RejectedRoute[];
  /** Sites that Nginx refused: answered by a stub until their text, with this hash, changes. */
  readonly quarantined: readonly Quarantined[];
};

export type Quarantined = Omit<Refused, 'meant'> & { readonly host: string };

export type Generation = {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly index: string;
  /** Paths relative to nginx.dir. */
  readonly siteFiles: FileTree;
  readonly manifest: Manifest;
};

export type GenerationContext = IndexContext & {
  /** nginx.dir, absolute. */
  readonly dir: string;
  readonly renderIndex: (view: ReturnType<typeof indexView>) => string;
  /** 16 hexadecimal digits of a strong hash. */
  readonly hash: (text: string) => string;
};

/** Stands for the id while it is computed. It comes before every include. */
export const NO_ID = '0'.repeat(16);

export const siteFile = (host: string, hash: string): string =>
  `sites/${hostStem(host)}.${hash}.conf`;
export const generationFile = (id: string): string => `generations/${id}.conf`;
export const manifestFile = (id: string): string => `generations/${id}.json`;

/** Puts rendered sites together. Same sites, same bytes, same id. */
export function buildGeneration(
  rendered: readonly RenderedSite[],
  rejected: readonly RejectedRoute[],
  context: GenerationContext,
): Generation {
  const entries = rendered.map(entryOf);
  const files = entries.map(({ file }) => file);
  const sites = rendered.map(({ site }) => site);
  const includes = files.map((file) => `${context.dir}/${file}`);
  const text = context.renderIndex(indexView(sites, { id: NO_ID, includes }, context));
  // The index carries its own id, so that Nginx can tell which generation it serves.
  const id = context.hash(text);
  return {
    id,
    index: text.replace(NO_ID, id),
    siteFiles: new Map(rendered.map((each, index) => [files[index] ?? '', each.text])),
    manifest: {
      version: 1,
      id,
      sites: entries,
      rejected,
      quarantined: rendered.flatMap(({ site: { host }, refused }) => {
        if (refused === undefined) return [];
        const { meant: _meant, ...rest } = refused;
        return [{ host, ...rest }];
      }),
    },
  };
}

/** A site as the manifest tells it. */
const entryOf = memo(({ site, hash }: RenderedSite): Manifest['sites'][number] => ({
  host: site.host,
  file: siteFile(site.host, hash),
  owner: site.owner,
  ...(site.lead !== undefined && { lead: site.lead }),
  ...(site.redirectFrom.length > 0 && { redirectFrom: site.redirectFrom }),
  ...(site.othersRedirects && { othersRedirects: site.othersRedirects }),
  routes: site.routes.map(({ path, owner, lead, servers }) => ({
    path,
    owner,
    ...(lead !== undefined && { lead }),
    servers: servers.map(({ address, container, id }) => ({ address, container, id })),
  })),
}));

/** Site files that an index includes, relative to nginx.dir. The index is the truth, not the manifest. */
export function includedFiles(index: string): readonly string[] {
  return index.split('\n').flatMap((line) => includedFile(line) ?? []);
}

/**
 * The index with the includes of `files` only. Sites share nothing but what the index itself says
 * (names of upstreams and zones are made from the host), so those that a live generation has already
 * proven need no second test.
 */
export function indexOfOnly(index: string, files: ReadonlySet<string>): string {
  return index
    .split('\n')
    .filter((line) => {
      const file = includedFile(line);
      return file === undefined || files.has(file);
    })
    .join('\n');
}

/** `include <nginx.dir>/sites/x.conf;` -> `sites/x.conf` */
function includedFile(line: string): string | undefined {
  if (!line.startsWith('include ') || !line.endsWith(';')) return undefined;
  const at = line.lastIndexOf('/sites/');
  return at < 0 ? undefined : line.slice(at + 1, -1);
}

/** Who holds what in a generation. */
export const holdersOf = (manifest: Manifest | undefined): Holders =>
  new Map(manifest?.sites.flatMap(heldIn));

function heldIn({
  host,
  owner,
  lead: leader,
  redirectFrom = [],
  othersRedirects = [],
  routes,
}: Manifest['sites'][number]): readonly (readonly [string, string])[] {
  return [
    ...(owner === undefined ? [] : [[siteKey(host), owner] as const]),
    ...(leader === undefined ? [] : [[siteLeadKey(host), leader] as const]),
    ...(owner === undefined ? [] : redirectFrom.map((name) => [redirectKey(name), owner] as const)),
    ...othersRedirects.map(([name, other]) => [redirectKey(name), other] as const),
    ...routes.flatMap(({ path, owner: holder, lead }) => [
      [routeKey(host, path), holder] as const,
      ...(lead === undefined ? [] : [[leadKey(host, path), lead] as const]),
    ]),
  ];
}
