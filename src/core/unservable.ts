/** What keeps a wish from being served, whoever else asks for what. */
import type { Container, Problem } from './model.ts';
import type { RouteContext } from './routes.ts';
import type { WantedRoute } from './routes-model.ts';

/** Why these routes cannot be served at all, or undefined. */
export function unservable(
  wanted: readonly WantedRoute[],
  context: RouteContext,
): string | undefined {
  return (
    refusedByHand(wanted, context) ??
    missingAuthFile(wanted, context) ??
    missingCertificate(wanted, context) ??
    unusableInput(wanted, context)
  );
}

function refusedByHand(
  wanted: readonly WantedRoute[],
  { handWritten }: RouteContext,
): string | undefined {
  for (const name of wanted.flatMap(({ host, redirectFrom }) => [host, ...redirectFrom])) {
    const place = handWritten.get(name);
    if (place) {
      return `asks for ${name}, which the server block at ${place.file}:${place.line} already serves; remove one of the two`;
    }
  }
  return undefined;
}

function missingAuthFile(
  wanted: readonly WantedRoute[],
  { authFiles }: RouteContext,
): string | undefined {
  if (!authFiles) return undefined;
  const missing = wanted.find(
    ({ access }) => access.authBasic !== undefined && !authFiles.has(access.authBasic),
  )?.access.authBasic;
  return missing === undefined
    ? undefined
    : `asks for auth-basic ${missing}, but auth_dir has no usable file of that name`;
}

function unusableInput(
  wanted: readonly WantedRoute[],
  { refusedInput }: RouteContext,
): string | undefined {
  for (const each of wanted) {
    const reason = refusedInput?.(each);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function missingCertificate(
  wanted: readonly WantedRoute[],
  { certificateOf }: RouteContext,
): string | undefined {
  if (!certificateOf) return undefined;
  for (const { host, access } of wanted) {
    if (access.tls !== 'only') continue;
    const choice = certificateOf(host, access.cert);
    if ('reason' in choice) return `asks for ${host} over HTTPS only, but ${choice.reason}`;
  }
  return undefined;
}

/** Hosts that a certificate was meant for, and that are served over HTTP only all the same. */
export function withoutTls(
  { name }: Container,
  wanted: readonly WantedRoute[],
  { certificateOf }: RouteContext,
): readonly Problem[] {
  const hosts = new Map(wanted.map(({ host, access }) => [host, access]));
  return [...hosts].flatMap(([host, { tls, cert }]) => {
    const choice = tls === 'auto' ? certificateOf?.(host, cert) : undefined;
    if (choice === undefined || !('reason' in choice) || !choice.meant) return [];
    const reason = `${host} is served over HTTP only: ${choice.reason}`;
    return [{ container: name, label: '', reason, served: true } as const];
  });
}
