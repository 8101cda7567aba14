import { shownValue } from '../core/problem-text.ts';
import { PortcullisError } from '../errors.ts';

/** What to do, by the code of the failed connection. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket; is Docker running?',
  ECONNREFUSED: 'nothing listens there; is Docker running?',
  EACCES: 'permission denied; run as root or add the user to the group docker',
  EPERM: 'permission denied; run as root or add the user to the group docker',
  ENOTFOUND: 'the host is unknown; check --docker or DOCKER_HOST',
  EAI_AGAIN: 'the host is unknown; check --docker or DOCKER_HOST',
  EHOSTUNREACH: 'there is no way to the host; check --docker or DOCKER_HOST',
  ENETUNREACH: 'there is no way to the host; check --docker or DOCKER_HOST',
  ETIMEDOUT: 'the host does not answer; check --docker or DOCKER_HOST',
  ENAMETOOLONG: 'the path of the socket is too long; check --docker or DOCKER_HOST',
  ECONNRESET: 'the connection ended before the answer was whole',
  EPIPE: 'the connection ended before the answer was whole',
  EPROTO: 'it does not speak TLS; check DOCKER_TLS_VERIFY',
};

/** The error of a request that got no answer, or only a part of one. */
export function dockerUnreachable(url: string, cause: unknown): PortcullisError {
  const code = errorCode(cause);
  const advice = Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new PortcullisError(
    'docker-unreachable',
    `cannot reach Docker at ${url}: ${advice ?? otherAdvice(code, detail)}`,
    { ...(detail !== '' && { detail }), cause },
  );
}

function otherAdvice(code: string, detail: string): string {
  if (code.startsWith('HPE_')) return 'it does not speak HTTP; is this the Docker API?';
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return `the TLS connection failed (${code}); check DOCKER_CERT_PATH`;
  }
  return detail || code || 'the connection failed';
}

function errorCode(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** The error of an answer with an HTTP status that says no. */
export function dockerRefused(what: string, status: number, body: string): PortcullisError {
  const hint = status === 403 ? '; does a proxy in front of the Docker socket forbid it?' : '';
  return new PortcullisError(
    'docker-refused',
    `Docker refused ${what}: ${apiMessage(body) || 'no reason given'} (HTTP ${status})${hint}`,
    { ...(body !== '' && { detail: body.slice(0, 2000) }) },
  );
}

/** Docker's own words in the body of a refusal, on one line. */
function apiMessage(body: string): string {
  return (jsonMessage(body) ?? body).replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}

function jsonMessage(body: string): string | undefined {
  try {
    const json: unknown = JSON.parse(body);
    const isMessage = typeof json === 'object' && json !== null && 'message' in json;
    return isMessage && typeof json.message === 'string' ? json.message : undefined;
  } catch {
    return undefined;
  }
}

/** The begin of an answer, no more: further on it may hold the environment of a container. */
export const opening = (text: string): string =>
  `${text.length} characters, which begin with ${shownValue(text.slice(0, 60))}`;
