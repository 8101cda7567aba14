import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateFile } from '../core/doctor/certificate-checks.ts';
import { codeOf } from './atomic-file.ts';

/** Every `<name>.crt` or `<name>.pem` of a folder with `<name>.key`; undefined where there is no such folder. */
export async function readCertificates(
  dir: string,
): Promise<readonly CertificateFile[] | undefined> {
  let names: readonly string[];
  try {
    names = await readdir(dir);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const files = names.filter((name) => /\.(?:crt|pem)$/.test(name)).toSorted();
  return Promise.all(files.map((name) => readOne(join(dir, name))));
}

async function readOne(file: string): Promise<CertificateFile> {
  try {
    const certificate = new X509Certificate(await readFile(file));
    const endsAt = Date.parse(certificate.validTo);
    return { file, endsAt, key: await keyOf(file, certificate) };
  } catch {
    return { file, endsAt: undefined, key: 'none' };
  }
}

async function keyOf(file: string, certificate: X509Certificate): Promise<CertificateFile['key']> {
  try {
    const key = createPrivateKey(await readFile(file.replace(/\.(?:crt|pem)$/, '.key')));
    return certificate.checkPrivateKey(key) ? 'fits' : 'other';
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'none' : 'unreadable';
  }
}
