/** Certificates by openssl, as people make them. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../src/adapters/run.ts';

export type PairFiles = { readonly certificate: string; readonly key: string };

async function openssl(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run('openssl', args);
  if (code !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
}

/**
 * A self-signed pair `<name>.crt` and `<name>.key` in `folder`.
 *
 * @param hosts separated by spaces
 * @param days may be negative: it has expired
 */
export async function makePair(
  folder: string,
  { name, hosts, days = 30, extra = [] }: PairOptions,
): Promise<PairFiles> {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const request = join(folder, `${name}.request`);
  const names = hosts.split(' ').map((host) => `DNS:${host}`);
  await openssl(
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', key, '-out', request, '-subj', '/CN=x'],
    ...['-addext', `subjectAltName=${names.join()}`],
    ...extra.flatMap((each) => ['-addext', each]),
  );
  await openssl(
    ...['x509', '-req', '-in', request, '-signkey', key, '-days', String(days)],
    ...['-copy_extensions', 'copy', '-out', certificate],
  );
  rmSync(request);
  return { certificate, key };
}

export type PairOptions = {
  readonly name: string;
  readonly hosts: string;
  readonly days?: number;
  /** More extensions, as `tlsfeature=status_request`. */
  readonly extra?: readonly string[];
};
