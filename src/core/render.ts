import ejs from 'ejs';
import type { IndexView } from './index-view.ts';
import { nginxQuote } from './nginx-quote.ts';
import type { SiteView } from './site-view.ts';

export type Templates = {
  readonly site: (view: SiteView) => string;
  readonly index: (view: IndexView) => string;
};

/**
 * Compiles the two templates. `escape` quotes for Nginx, so `<%= %>` always writes one argument.
 *
 * @throws {Error} EJS's own, with file and line, for a template that does not compile; and when a
 *   template has raw output (`<%-`), which could write anything
 */
export function compileTemplates(sources: {
  readonly site: string;
  readonly index: string;
}): Templates {
  const site = compile(sources.site, 'site');
  const index = compile(sources.index, 'index');
  return {
    site: (view) => site({ site: view }),
    index: (view) => index({ index: view }),
  };
}

function compile(source: string, local: string): (data: Record<string, unknown>) => string {
  const filename = `${local}.conf.ejs`;
  const raw = source.split('\n').findIndex((line) => line.includes('<%-'));
  if (raw >= 0) throw new Error(`${filename}:${raw + 1}: raw output (<%-) is not allowed, use <%=`);
  return ejs.compile(source, {
    filename,
    strict: true,
    destructuredLocals: [local],
    escape: nginxQuote,
  });
}
