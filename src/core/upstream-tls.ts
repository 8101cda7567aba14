import type { UpstreamTls } from './routes-model.ts';
import type { ListenSettings } from './site-view.ts';

/** Nginx checks no upstream's certificate unless it is told to. */
export function verifying(
  kind: 'proxy' | 'grpc',
  { verify, name, ca }: UpstreamTls,
  { inputs }: ListenSettings,
): readonly (readonly string[])[] {
  const authorities = ca === undefined ? inputs?.systemAuthorities : inputs?.authorities.get(ca);
  return [
    [`${kind}_ssl_server_name`, 'on'],
    [`${kind}_ssl_name`, name],
    ...(verify
      ? [
          [`${kind}_ssl_verify`, 'on'],
          [`${kind}_ssl_verify_depth`, '5'],
          [`${kind}_ssl_trusted_certificate`, authorities ?? '/etc/ssl/certs/ca-certificates.crt'],
        ]
      : []),
  ];
}
