/**
 * How Nginx finds a forward-auth endpoint. A name in its configuration it would look up at each start,
 * test and reload, so that who names a host whose DNS answers slowly would hold up everybody. So it is
 * given addresses, and what only DNS knows it looks up when a request comes.
 */
import { isIpv4, type NameService } from './name-service.ts';
import { upstreamName } from './names.ts';
import type { Site } from './routes-model.ts';
import type { ListenSettings, UpstreamView } from './site-view.ts';
import { verifying } from './upstream-tls.ts';

/** A forward-auth endpoint: an internal location that passes to it. */
export type AuthView = {
  readonly path: string;
  readonly url: string;
  /** Arguments of `resolver`; with them `url` must reach `proxy_pass` in a variable. */
  readonly resolver: readonly string[] | undefined;
  readonly directives: readonly (readonly string[])[];
};

type Endpoint = {
  readonly scheme: string;
  readonly host: string;
  /** The host, with the port where the URL has one. */
  readonly authority: string;
  readonly port: string;
  readonly path: string;
};

/** How long an answer of DNS is good, whatever it says of itself. */
const VALID = 'valid=30s';

const NO_NAMES: NameService = { hosts: new Map(), nameservers: [] };

/** The endpoints of a site, and the upstreams that some of them need. */
export function authViews(
  site: Site,
  listen: ListenSettings,
): { readonly auths: readonly AuthView[]; readonly upstreams: readonly UpstreamView[] } {
  const { hosts, nameservers } = listen.inputs?.names ?? NO_NAMES;
  const upstreams: UpstreamView[] = [];
  const auths = authEndpoints(site).map((url, index): AuthView => {
    const { scheme, host, authority, port, path } = endpointOf(url);
    const view = {
      path: authPath(site, url),
      url,
      resolver: undefined,
      directives:
        scheme === 'https' ? verifying('proxy', { verify: true, name: host }, listen) : [],
    };
    if (isIpv4(host)) return view;
    const addresses = hosts.get(host.toLowerCase());
    if (addresses === undefined) {
      return { ...view, resolver: [...nameservers, VALID, ...(listen.ipv6 ? [] : ['ipv6=off'])] };
    }
    const name = upstreamName(site.host, `auth${index}`);
    upstreams.push({
      name,
      balance: undefined,
      zone: undefined,
      servers: usable(addresses, listen).map((address) => `${address}:${port}`),
    });
    return {
      ...view,
      url: `${scheme}://${name}${path}`,
      directives: [['proxy_set_header', 'Host', authority], ...view.directives],
    };
  });
  return { auths, upstreams };
}

/** Without IPv6 its addresses are left out, as those of DNS are; where a name has no others they stay. */
function usable(
  addresses: readonly string[],
  { ipv6 }: Pick<ListenSettings, 'ipv6'>,
): readonly string[] {
  const v4 = addresses.filter(isIpv4);
  return ipv6 || v4.length === 0 ? addresses : v4;
}

/** Each endpoint of a site once. */
const authEndpoints = ({ routes }: Site): readonly string[] => [
  ...new Set(routes.flatMap(({ access }) => access.authRequest ?? [])),
];

/** Path of the location that asks the endpoint. */
export const authPath = (site: Site, url: string): string =>
  `/.portcullis/auth/${authEndpoints(site).indexOf(url)}`;

/** The endpoint's host, where there is no way to find its address; else undefined. */
export function unfindable(url: string, { hosts, nameservers }: NameService): string | undefined {
  const { host } = endpointOf(url);
  const findable = isIpv4(host) || hosts.has(host.toLowerCase()) || nameservers.length > 0;
  return findable ? undefined : host;
}

/** @param url as the label's grammar lets it through, with a path */
function endpointOf(url: string): Endpoint {
  const [, scheme = '', authority = '', path = ''] = /^(https?):\/\/([^/]+)(.*)$/.exec(url) ?? [];
  const [host = '', port = scheme === 'https' ? '443' : '80'] = authority.split(':');
  return { scheme, host, authority, port, path };
}
