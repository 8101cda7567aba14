/** Files beside the labels that a site is made of: templates, snippets, certificate authorities, names of hosts. */
import { unfindable } from './auth-endpoint.ts';
import type { NameService } from './name-service.ts';
import { hostStem } from './names.ts';
import type { WantedRoute } from './routes-model.ts';
import { snippetFor, type Snippets } from './snippet.ts';

export type SiteInputs = {
  /** Templates by name, `site` among them, each with the reason why it cannot be used, or undefined. */
  readonly templates: ReadonlyMap<string, string | undefined>;
  /** Paths of the files in tls.ca_dir by name. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Path of the system's authorities, or undefined where there are none. */
  readonly systemAuthorities: string | undefined;
  readonly snippets: Snippets;
  readonly names: NameService;
};

/** Why a route cannot be served with the files there are, or undefined. */
export function refusedInput(
  { host, access }: WantedRoute,
  { templates, authorities, systemAuthorities, snippets, names }: SiteInputs,
): string | undefined {
  const { template, upstreamTls } = access;
  if (template !== undefined) {
    if (!templates.has(template)) {
      return `asks for the template ${template}, but template_dir has no ${template}.conf.ejs`;
    }
    const broken = templates.get(template);
    if (broken !== undefined) return `asks for the template ${template}, but ${broken}`;
  }
  if (upstreamTls?.ca !== undefined && !authorities.has(upstreamTls.ca)) {
    return `asks for upstream-ca ${upstreamTls.ca}, but tls.ca_dir has no ${upstreamTls.ca}.crt or .pem`;
  }
  const needsSystem =
    (upstreamTls?.verify === true && upstreamTls.ca === undefined) ||
    access.authRequest?.startsWith('https:') === true;
  if (needsSystem && systemAuthorities === undefined) {
    return 'speaks TLS to its upstream or forward-auth endpoint, but no certificate authorities are installed: install ca-certificates, or set tls.upstream_ca';
  }
  const lost = access.authRequest === undefined ? undefined : unfindable(access.authRequest, names);
  if (lost !== undefined) {
    return `asks for auth-request at ${lost}, but /etc/hosts does not have that name and /etc/resolv.conf no nameserver that Nginx can ask: give an address`;
  }
  for (const suffix of ['.conf', '.location.conf'] as const) {
    const snippet = snippetFor(snippets, hostStem(host), suffix);
    if (snippet && 'broken' in snippet) return `has a snippet that is not whole: ${snippet.broken}`;
  }
  return undefined;
}

/** `refusedInput()` as planRoutes() is given it. */
export const refusing = (
  inputs: SiteInputs | undefined,
): { readonly refusedInput?: (wanted: WantedRoute) => string | undefined } =>
  inputs ? { refusedInput: (wanted) => refusedInput(wanted, inputs) } : {};
