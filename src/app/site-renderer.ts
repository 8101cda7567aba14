import type { BlockNode } from '../core/block-tree.ts';
import { siteFile, type RenderedSite } from '../core/generation.ts';
import { createMeantCheck } from '../core/meant-tree.ts';
import type { Templates } from '../core/render.ts';
import { withoutRoutesOf } from '../core/quarantine.ts';
import type { Access, Site } from '../core/routes-model.ts';
import { leadRoutes } from '../core/tls/site-tls.ts';
import { siteView, type ListenSettings } from '../core/site-view.ts';
import { PortcullisError } from '../errors.ts';

export type SiteRendererDeps = {
  readonly templates: Templates;
  readonly listen: ListenSettings;
  readonly read: (text: string) => readonly BlockNode[];
  readonly hash: (text: string) => string;
};

/**
 * Renders sites, each only when something in it changed since the last call, and proves each text
 * that is not in `proven`: files named by their content that were proven before they went live.
 */
export type SiteRenderer = {
  (sites: readonly Site[], proven?: ReadonlySet<string>): readonly RenderedSite[];
  /** What stands for the site while Nginx refuses it, or the routes of `owners` in it. */
  readonly stubOf: (
    rendered: RenderedSite,
    reason: string,
    owners?: readonly string[],
  ) => RenderedSite;
};

/** Text without one is whole as well, as that of an empty template, and serves nobody. */
const SERVER = /^\s*server\s*\{/m;

export function createSiteRenderer({
  templates,
  listen,
  read,
  hash,
}: SiteRendererDeps): SiteRenderer {
  let known = new Map<string, { readonly key: string; readonly rendered: RenderedSite }>();
  const keyOf = createSiteKey();

  const check = createMeantCheck({ render: templates.site, read });
  const checkStub = createMeantCheck({ render: templates.quarantined, read });

  const stubOf: SiteRenderer['stubOf'] = ({ site: meant, hash: refused }, reason, owners) => {
    if (owners !== undefined) {
      const site = withoutRoutesOf(meant, owners);
      const { text, hash: own } = renderOne(site, new Set());
      return { site, text, hash: own, refused: { hash: refused, reason, meant, owners } };
    }
    const site = meant;
    const view = siteView(site, listen);
    const text = templates.quarantined(view);
    checkStub(view, text);
    return { site, text, hash: hash(text), refused: { hash: refused, reason, meant } };
  };

  const renderOne = (site: Site, proven: ReadonlySet<string>): RenderedSite => {
    try {
      const view = siteView(site, listen);
      const text = templates.site(view);
      if (!SERVER.test(text)) throw new Error(`${view.template}.conf.ejs gives no server block`);
      const rendered = { site, text, hash: hash(text) };
      if (!proven.has(siteFile(site.host, rendered.hash))) check(view, text);
      return rendered;
    } catch (cause) {
      // A template that one container picked concerns that site only.
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (leadRoutes(site).some(({ access }) => access.template !== undefined)) {
        const line = reason.replaceAll(/\s*\n\s*/g, ' ');
        return stubOf({ site, text: '', hash: hash(reason) }, `its template failed: ${line}`);
      }
      throw new PortcullisError(
        'template-failed',
        `site.conf.ejs gives no usable site for ${site.host}`,
        {
          cause,
          detail: cause instanceof Error ? cause.message : String(cause),
        },
      );
    }
  };

  const renderSites = (
    sites: readonly Site[],
    proven: ReadonlySet<string> = new Set(),
  ): readonly RenderedSite[] => {
    const next: typeof known = new Map();
    const all = sites.map((site) => {
      const before = known.get(site.host);
      if (before?.rendered.site === site) {
        next.set(site.host, before);
        return before.rendered;
      }
      const key = keyOf(site);
      const rendered = before?.key === key ? { ...before.rendered, site } : renderOne(site, proven);
      next.set(site.host, { key, rendered });
      return rendered;
    });
    known = next;
    return all;
  };
  return Object.assign(renderSites, { stubOf });
}

/** A text that changes whenever the rendered site would; far cheaper than rendering it. */
function createSiteKey(): (site: Site) => string {
  const numbers = new WeakMap<Access, number>();
  let last = 0;
  const numberOf = (access: Access): number => {
    const known = numbers.get(access) ?? ++last;
    numbers.set(access, known);
    return known;
  };
  return ({ owner, lead = '', redirectFrom, routes }) =>
    [
      `${owner} ${lead}`,
      ...redirectFrom,
      ...routes.map(
        ({ path, access, servers }) =>
          `${path} ${numberOf(access)} ${servers.map(({ address }) => address).join(' ')}`,
      ),
    ].join('\n');
}
