/** Which certificate a host is served with, and why none where none fits. */

/** A key pair in `tls.cert_dir`, as its certificate describes it. */
export type Certificate = {
  /** What the `cert` label calls it. */
  readonly name: string;
  /** DNS names it is for, in lower case; `*.x` allowed. */
  readonly hosts: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Why the pair cannot be used at all: unreadable, or a key of another certificate. */
  readonly broken?: string;
};

export type CertificateChoice<C extends Certificate = Certificate> =
  | { readonly certificate: C }
  | {
      readonly certificate?: never;
      readonly reason: string;
      /** There is one for this host, by its names or by a label, that cannot be used. */
      readonly meant: boolean;
    };

/** The `cert` label's certificate, else the best match: exact, then wildcard; of several the longest valid. */
export function chooseCertificate<C extends Certificate>(
  host: string,
  certificates: readonly C[],
  { named, now }: { readonly named: string | undefined; readonly now: number },
): CertificateChoice<C> {
  if (named !== undefined) {
    const certificate = certificates.find(({ name }) => name === named);
    if (certificate === undefined) {
      return { reason: `tls.cert_dir has no certificate "${named}"`, meant: true };
    }
    const reason = unfit(certificate, host, now);
    return reason === undefined ? { certificate } : { reason, meant: true };
  }
  const meant = certificates
    .filter((certificate) => fit(certificate, host) > 0)
    .toSorted((a, b) => fit(b, host) - fit(a, host) || b.notAfter - a.notAfter);
  const certificate = meant.find((candidate) => unfit(candidate, host, now) === undefined);
  if (certificate !== undefined) return { certificate };
  const [nearest] = meant;
  const reason = nearest && unfit(nearest, host, now);
  return {
    reason: reason ?? `tls.cert_dir has no certificate for ${host}`,
    meant: reason !== undefined,
  };
}

function unfit(certificate: Certificate, host: string, now: number): string | undefined {
  const { name, notBefore, notAfter, broken } = certificate;
  if (broken !== undefined) return `certificate "${name}": ${broken}`;
  if (fit(certificate, host) === 0) return `certificate "${name}" is not for ${host}`;
  if (now >= notAfter) {
    return `certificate "${name}" expired at ${new Date(notAfter).toISOString()}`;
  }
  if (now < notBefore) {
    return `certificate "${name}" is valid only from ${new Date(notBefore).toISOString()}`;
  }
  return undefined;
}

/** 2: names the host itself; 1: a wildcard of its parent; 0: not for it. */
function fit({ hosts }: Certificate, host: string): 0 | 1 | 2 {
  if (hosts.includes(host)) return 2;
  const dot = host.indexOf('.');
  return dot > 0 && hosts.includes(`*${host.slice(dot)}`) ? 1 : 0;
}
