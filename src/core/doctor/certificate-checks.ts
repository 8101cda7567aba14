import { shownName } from '../problem-text.ts';
import { notChecked, ok, problem, warning, type Check, type Fact } from './check.ts';

export type CertificateFile = {
  readonly file: string;
  /** Milliseconds since 1970; undefined: it is no certificate, or cannot be read. */
  readonly endsAt: number | undefined;
  /** Why the pair cannot be used. */
  readonly broken?: string;
};

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

/** @param found undefined: there is no folder of certificates */
export function certificateChecks(
  found: Fact<readonly CertificateFile[] | undefined>,
  { dir, nowMs }: { readonly dir: string; readonly nowMs: number },
): readonly Check[] {
  const name = 'certificates';
  if (!found.known) return [notChecked(name, found.why)];
  if (found.value === undefined) return [notChecked(name, `there is no folder ${dir}`)];
  const bad = found.value.flatMap((each) => judge(each, nowMs) ?? []);
  if (bad.length > 0) return bad;
  const count = found.value.length;
  return [ok(name, `${count} in ${dir}${count === 0 ? '' : ', each valid with its key'}`)];
}

function judge({ file, endsAt, broken }: CertificateFile, nowMs: number): Check | undefined {
  const name = `certificate ${shownName(file)}`;
  if (endsAt === undefined) {
    return problem(name, 'cannot be read as a certificate', `openssl x509 -noout -in ${file}`);
  }
  if (broken !== undefined) return problem(name, broken, 'copy the certificate and its key again');
  const days = Math.floor((endsAt - nowMs) / DAY_MS);
  if (endsAt <= nowMs) return problem(name, `expired ${-days} days ago`, 'certbot renew');
  return days < SOON_DAYS ? warning(name, `expires in ${days} days`, 'certbot renew') : undefined;
}
