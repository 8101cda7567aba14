import { readCertificates } from '../adapters/certificates.ts';
import type { ListenSettings } from '../core/site-view.ts';
import { certificateChooser, http2Of } from '../core/tls/site-tls.ts';
import type { Settings } from '../core/settings-schema.ts';

/** The installed Nginx, as far as listening goes; undefined where there is none to ask. */
export type ListeningNginx = { readonly version: string; readonly hasHttp2: boolean };

export type Listening = {
  readonly listen: ListenSettings;
  /** When a certificate that is in use now is not valid any more: milliseconds since 1970, or Infinity. */
  readonly nextExpiryAt: number;
};

/** Reads the certificates, once. */
export function listening(
  { nginx, tls, auth_dir }: Settings,
  { ipv6, installed, now }: { ipv6: boolean; installed: ListeningNginx | undefined; now: number },
): Listening {
  const pairs = readCertificates(tls.cert_dir);
  const moments = pairs.flatMap(({ notBefore, notAfter }) => [notBefore, notAfter]);
  return {
    nextExpiryAt: Math.min(Infinity, ...moments.filter((at) => at > now)),
    listen: {
      port: nginx.listen_http,
      ipv6,
      authDir: auth_dir,
      acmeDir: tls.acme_dir,
      tls: {
        port: nginx.listen_https,
        redirect: tls.redirect,
        hsts: tls.hsts,
        http2: installed ? http2Of(installed.version, installed.hasHttp2) : 'none',
        certificateOf: certificateChooser(pairs, now),
      },
    },
  };
}
