import ejs from 'ejs';
import type { IndexView } from './index-view.ts';
import { nginxQuote } from './nginx-quote.ts';
import type { SiteView } from './site-view.ts';

export type Templates = {
  readonly site: (view: SiteView) => string;
  readonly index: (view: IndexView) => string;
  /** What stands for a site that Nginx refused. */
  readonly quarantined: (view: SiteView) => string;
  /** The page for a site without a healthy upstream: HTML. */
  readonly maintenance: () => string;
  /** Names of the site templates, each with what is wrong with it, or undefined. */
  readonly names: ReadonlyMap<string, string | undefined>;
};

export type TemplateSources = {
  readonly site: string;
  readonly index: string;
  readonly quarantined: string;
  readonly maintenance: string;
  /** Further site templates, by name. */
  readonly others: ReadonlyMap<string, string>;
};

type Render = (data: Record<string, unknown>) => string;

/** Nginx reads no argument of 4,096 bytes or more. (src/core/ngx_conf_file.c, NGX_CONF_BUFFER) */
const MAX_PAGE = 4_000;

/**
 * Compiles the templates. `escape` quotes for Nginx, so `<%= %>` always writes one argument. One of
 * `others` that does not compile is only named: it concerns nobody who does not ask for it.
 *
 * @throws {Error} with the file, for a template that does not compile; and when one has raw output
 *   (`<%-`), which could write anything
 */
export function compileTemplates(sources: TemplateSources): Templates {
  const index = compile(sources.index, 'index');
  const quarantined = compile(sources.quarantined, 'site', 'quarantined.conf.ejs');
  const sites = new Map<string, Render>([['site', compile(sources.site, 'site')]]);
  const names = new Map<string, string | undefined>([['site', undefined]]);
  for (const [name, source] of sources.others) {
    try {
      sites.set(name, compile(source, 'site', `${name}.conf.ejs`));
      names.set(name, undefined);
    } catch (error) {
      names.set(name, wordsOf(error));
    }
  }
  const page = pageOf(sources.maintenance);
  return {
    site(view) {
      const render = sites.get(view.template);
      if (!render) throw new Error(`there is no template ${view.template}`);
      return render({ site: view });
    },
    index: (view) => index({ index: view }),
    quarantined: (view) => quarantined({ site: view }),
    maintenance: () => page,
    names,
  };
}

function pageOf(source: string): string {
  const filename = 'maintenance.html.ejs';
  const render = compiled(source, { filename, destructuredLocals: ['page'] });
  const html = renderedPage(render, filename)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');
  // Each character counts with the most bytes that it can have in UTF-8, quotes with their backslash.
  const length = html
    .replaceAll('$', '${portcullis_dollar}')
    .replaceAll(/["\\]/g, 'xx')
    .replaceAll(/[^\x00-\x7f]/g, 'xxx').length;
  if (length > MAX_PAGE) {
    throw new Error(`${filename}: the page has ${length} bytes, and Nginx takes ${MAX_PAGE}`);
  }
  return html;
}

/** EJS says `<file>:<line>`, the lines about it, and what failed. */
function renderedPage(render: Render, filename: string): string {
  try {
    return render({ page: { version: 1, retryAfter: '5' } });
  } catch (cause) {
    const [place = '', ...more] = wordsOf(cause).split('\n');
    const where = place.startsWith(`${filename}:`) ? place : filename;
    throw new Error(`${where}: cannot be rendered: ${more.at(-1) ?? place}`, { cause });
  }
}

function compile(source: string, local: string, filename = `${local}.conf.ejs`): Render {
  const raw = source.split('\n').findIndex((line) => line.includes('<%-'));
  if (raw >= 0) throw new Error(`${filename}:${raw + 1}: raw output (<%-) is not allowed, use <%=`);
  return compiled(source, { filename, destructuredLocals: [local], escape: nginxQuote });
}

type CompileOptions = Pick<ejs.Options, 'destructuredLocals' | 'escape'> & {
  readonly filename: string;
};

function compiled(source: string, options: CompileOptions): Render {
  try {
    return ejs.compile(source, { ...options, strict: true });
  } catch (cause) {
    // EJS goes on to name the file, and a tool of its own.
    const reason = wordsOf(cause)
      .split('\n')[0]
      ?.replace(/ in \S+ while compiling ejs$/, '');
    throw new Error(`${options.filename} does not compile: ${reason}`, { cause });
  }
}

const wordsOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
