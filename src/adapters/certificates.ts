import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isQuotable } from '../core/nginx-quote.ts';
import type { Certificate } from '../core/tls/choose-certificate.ts';

export type CertificateFiles = Certificate & {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** SHA-256 of the certificate; changes when it is renewed. */
  readonly fingerprint: string;
  readonly mustStaple: boolean;
};

/** The object identifier of the TLS feature extension, 1.3.6.1.5.5.7.1.24, in DER. (RFC 7633) */
const TLS_FEATURE = Buffer.from('06082b06010505070118', 'hex');

/** Every pair in the folder: `<name>.crt` + `.key`, and certbot's `<name>/fullchain.pem` + `privkey.pem`. */
export function readCertificates(folder: string): readonly CertificateFiles[] {
  return entries(folder).flatMap((entry): readonly CertificateFiles[] => {
    if (entry.isFile() || entry.isSymbolicLink()) {
      const name = /^(.+)\.crt$/.exec(entry.name)?.[1];
      if (name !== undefined) {
        return [readPair(name, join(folder, `${name}.crt`), join(folder, `${name}.key`))];
      }
    }
    const chain = join(folder, entry.name, 'fullchain.pem');
    const isFolder = entry.isDirectory() || entry.isSymbolicLink();
    if (
      !isFolder ||
      !entries(join(folder, entry.name)).some(({ name }) => name === 'fullchain.pem')
    ) {
      return [];
    }
    return [readPair(entry.name, chain, join(folder, entry.name, 'privkey.pem'))];
  });
}

/** Of a folder that cannot be listed nothing is known, and no other one is kept from being read. */
function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(String(code))) return [];
    throw error;
  }
}

function readPair(name: string, certificateFile: string, keyFile: string): CertificateFiles {
  const files = { name, certificateFile, keyFile };
  const unknown = { hosts: [], notBefore: 0, notAfter: 0, fingerprint: '', mustStaple: false };
  const read = attempt(() => new X509Certificate(readFileSync(certificateFile)));
  if ('failure' in read) {
    return { ...files, ...unknown, broken: `${certificateFile} cannot be read: ${read.failure}` };
  }
  const certificate = read.value;
  const said = {
    hosts: dnsNames(certificate.subjectAltName ?? ''),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    fingerprint: certificate.fingerprint256,
    mustStaple:
      certificate.raw.includes(TLS_FEATURE) &&
      (certificate.infoAccess ?? '').includes('OCSP - URI:'),
  };
  if (!isQuotable(certificateFile) || !isQuotable(keyFile)) {
    const why = 'Nginx takes no name with "$" or a control character: give it another';
    return { ...files, ...said, broken: `${certificateFile} cannot be used: ${why}` };
  }
  const key = attempt(() => createPrivateKey(readFileSync(keyFile)));
  if ('failure' in key) {
    return { ...files, ...said, broken: `${keyFile} cannot be read: ${key.failure}` };
  }
  return certificate.checkPrivateKey(key.value)
    ? { ...files, ...said }
    : { ...files, ...said, broken: `${keyFile} is not the key of ${certificateFile}` };
}

const dnsNames = (subjectAltName: string): readonly string[] =>
  [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = '']) => name.toLowerCase());

function attempt<T>(read: () => T): { readonly value: T } | { readonly failure: string } {
  try {
    return { value: read() };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
