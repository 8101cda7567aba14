import { readCertificates } from '../adapters/certificates.ts';
import { readSiteInputs } from '../adapters/site-inputs.ts';
import type { NameService } from '../core/name-service.ts';
import type { Templates } from '../core/render.ts';
import type { ListenSettings } from '../core/site-view.ts';
import { certificateChooser, http2Of } from '../core/tls/site-tls.ts';
import type { Settings } from '../core/settings-schema.ts';

/** The installed Nginx, as far as listening goes; undefined where there is none to ask. */
export type ListeningNginx = {
  readonly version: string;
  readonly hasHttp2: boolean;
  readonly hasHttp3: boolean;
};

export type Listening = {
  readonly listen: ListenSettings;
  /** When a certificate that is in use now is not valid any more: milliseconds since 1970, or Infinity. */
  readonly nextExpiryAt: number;
};

export type ListeningContext = {
  readonly templates: Templates;
  readonly ipv6: boolean;
  readonly installed: ListeningNginx | undefined;
  readonly now: number;
  /** Undefined: this machine's. */
  readonly names?: NameService | undefined;
};

/** Reads the certificates and the other files of sites, once. */
export function listening(
  settings: Settings,
  { templates, ipv6, installed, now, names }: ListeningContext,
): Listening {
  const { nginx, tls, auth_dir } = settings;
  const pairs = readCertificates(tls.cert_dir);
  const moments = pairs.flatMap(({ notBefore, notAfter }) => [notBefore, notAfter]);
  return {
    nextExpiryAt: Math.min(Infinity, ...moments.filter((at) => at > now)),
    listen: {
      port: nginx.listen_http,
      ipv6,
      authDir: auth_dir,
      acmeDir: tls.acme_dir,
      inputs: readSiteInputs(settings, templates.names, names),
      trustedProxies: nginx.trusted_proxies,
      proxyProtocol: nginx.proxy_protocol,
      maintenancePage: templates.maintenance(),
      ...(nginx.access_log !== '' && {
        accessLog: { path: nginx.access_log, format: nginx.log_format },
      }),
      tls: {
        port: nginx.listen_https,
        redirect: tls.redirect,
        hsts: tls.hsts,
        http2: installed ? http2Of(installed.version, installed.hasHttp2) : 'none',
        http3: nginx.http3 && installed?.hasHttp3 === true,
        proxyProtocol: nginx.proxy_protocol,
        certificateOf: certificateChooser(pairs, now),
      },
    },
  };
}
