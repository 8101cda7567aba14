/** How a site is served over HTTPS, as its template is given it. */
import type { Site } from '../routes-model.ts';
import {
  chooseCertificate,
  type Certificate,
  type CertificateChoice,
} from './choose-certificate.ts';

/** A pair with the paths that Nginx reads. */
export type CertificatePair = Certificate & {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Changes when it is renewed. */
  readonly fingerprint: string;
  /** It says itself that it is good only with an OCSP answer (RFC 7633), and where to get one. */
  readonly mustStaple: boolean;
};

export type ChooseCertificate = (
  host: string,
  named: string | undefined,
) => CertificateChoice<CertificatePair>;

/** @param now milliseconds since 1970 */
export function certificateChooser(
  pairs: readonly CertificatePair[],
  now: number,
): ChooseCertificate {
  const known = new Map<string, CertificateChoice<CertificatePair>>();
  return (host, named) => {
    const key = `${host} ${named ?? ''}`;
    const choice = known.get(key) ?? chooseCertificate(host, pairs, { named, now });
    known.set(key, choice);
    return choice;
  };
}

export type TlsSettings = {
  readonly port: number;
  /** Plain requests are sent to HTTPS. */
  readonly redirect: boolean;
  /** Value of Strict-Transport-Security, or ''. */
  readonly hsts: string;
  /** How this Nginx is told to speak HTTP/2: an argument of `listen` before 1.25.1, then a directive. */
  readonly http2: 'listen' | 'directive' | 'none';
  readonly http3: boolean;
  readonly proxyProtocol: boolean;
  readonly certificateOf: ChooseCertificate;
};

/** nginx.org, "Module ngx_http_v2_module": the directive came with 1.25.1. */
export function http2Of(version: string, hasModule: boolean): TlsSettings['http2'] {
  if (!hasModule) return 'none';
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const number = major * 1_000_000 + minor * 1_000 + patch;
  return number >= 1_025_001 ? 'directive' : 'listen';
}

export type SiteTls = {
  readonly certificate: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly http2: boolean;
  readonly stapling: boolean;
  readonly redirect: boolean;
  /** `https://host`, with the port where it is not the usual one; undefined for a wildcard. */
  readonly target: string | undefined;
  /** `:8443`; undefined where it is the usual one. */
  readonly port: string | undefined;
  /** Arguments of each `listen`. */
  readonly listens: readonly (readonly string[])[];
  /** Answer headers, name and value. */
  readonly headers: readonly (readonly [string, string])[];
  /** Names of `redirectFrom` that the same certificate is for. */
  readonly redirectFrom: readonly string[];
};

/** The routes whose options hold for the whole site: in a group those of one member alone. */
export const leadRoutes = ({
  owner,
  lead,
  routes,
}: Pick<Site, 'owner' | 'lead' | 'routes'>): Site['routes'] =>
  routes.filter((route) => route.owner === owner && (lead === undefined || route.lead === lead));

function certificateFor(
  site: Pick<Site, 'host' | 'owner' | 'lead' | 'routes'>,
  certificateOf: ChooseCertificate,
): CertificatePair | undefined {
  const routes = leadRoutes(site);
  if (routes.some(({ access }) => access.tls === 'off')) return undefined;
  const named = routes.find(({ access }) => access.cert !== undefined)?.access.cert;
  return certificateOf(site.host, named).certificate;
}

/** Is the site served over HTTPS? */
export const hasTls = (site: Site, certificateOf: ChooseCertificate): boolean =>
  certificateFor(site, certificateOf) !== undefined;

/** Undefined: over HTTP only. */
export function siteTls(
  site: Site,
  settings: TlsSettings | undefined,
  ipv6: boolean,
): SiteTls | undefined {
  if (settings === undefined) return undefined;
  const { host, redirectFrom, routes } = site;
  const certificate = certificateFor(site, settings.certificateOf);
  if (certificate === undefined) return undefined;
  const port = settings.port === 443 ? undefined : `:${settings.port}`;
  return {
    certificate: certificate.certificateFile,
    key: certificate.keyFile,
    fingerprint: certificate.fingerprint,
    http2: settings.http2 === 'directive',
    stapling: certificate.mustStaple,
    redirect: settings.redirect || routes.some(({ access }) => access.tls === 'only'),
    target: host.startsWith('*.') ? undefined : `https://${host}${port ?? ''}`,
    port,
    listens: [...tlsListens(settings, ipv6), ...quicListens(settings, ipv6)],
    headers: tlsHeaders(settings),
    redirectFrom: redirectFrom.filter(
      (name) => settings.certificateOf(name, certificate.name).certificate !== undefined,
    ),
  };
}

export const tlsListens = (
  { port, http2, proxyProtocol }: Pick<TlsSettings, 'port' | 'http2' | 'proxyProtocol'>,
  ipv6: boolean,
): readonly (readonly string[])[] => {
  const more = [
    'ssl',
    ...(http2 === 'listen' ? ['http2'] : []),
    ...(proxyProtocol ? ['proxy_protocol'] : []),
  ];
  return bothFamilies(port, more, ipv6);
};

export const quicListens = (
  { port, http3 }: Pick<TlsSettings, 'port' | 'http3'>,
  ipv6: boolean,
): readonly (readonly string[])[] => (http3 ? bothFamilies(port, ['quic'], ipv6) : []);

const bothFamilies = (
  port: number,
  more: readonly string[],
  ipv6: boolean,
): readonly (readonly string[])[] => [
  [`${port}`, ...more],
  ...(ipv6 ? [[`[::]:${port}`, ...more]] : []),
];

/** Answer headers of a site over HTTPS, name and value. */
export const tlsHeaders = ({
  hsts,
  http3,
  port,
}: Pick<TlsSettings, 'hsts' | 'http3' | 'port'>): readonly (readonly [string, string])[] => [
  ...(hsts === '' ? [] : [['Strict-Transport-Security', hsts] as const]),
  ...(http3 ? [['Alt-Svc', `h3=":${port}"; ma=86400`] as const] : []),
];
