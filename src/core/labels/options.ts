/** Every label option: its grammar and whether it speaks of one route or of the whole container. */
import type { IpProtocol } from '../model.ts';
import { cidr } from './cidr.ts';
import { host } from './host.ts';
import { bool, listOf, matching, ok, oneOf, wholeNumber, wrong, type Parser } from './parser.ts';

export type PublicPorts = 'all' | 'none' | readonly { port: number; protocol: IpProtocol }[];

const fileName = (what: string): Parser<string> =>
  matching(
    /^(?=.{1,100}$)[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/,
    `must be the name of ${what}: letters, digits, ".", "_" and "-", no path`,
  );

/** Locations of our own in every site: a second one of the same name would make Nginx refuse it. */
const OWN_PATHS = ['/.portcullis', '/.well-known/acme-challenge'];

const path: Parser<string> = (text) => {
  const rule = 'must be a path that starts with "/", of letters, digits, ".", "_", "~" and "-"';
  if (text.length > 1024) return wrong('must be at most 1024 characters long');
  if (!/^\/(?:[A-Za-z0-9._~-]+\/)*[A-Za-z0-9._~-]*$/.test(text)) return wrong(rule);
  if (/\/\.\.?(?:\/|$)/.test(text)) return wrong('must not have "." or ".." as a part');
  const own = OWN_PATHS.find((each) => `${text}/`.startsWith(`${each}/`));
  if (own !== undefined) return wrong(`must not be ${own} or below it: Portcullis answers that`);
  return ok(text);
};

const publicPorts: Parser<PublicPorts> = (text) => {
  if (text === 'true') return ok('all');
  if (text === 'false') return ok('none');
  const parsed = listOf(publicPort)(text);
  return parsed.ok ? parsed : wrong('must be "true" or published ports, as 25/tcp,443/udp');
};

const publicPort: Parser<{ port: number; protocol: IpProtocol }> = (text) => {
  const match = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(text);
  const port = Number(match?.[1]);
  if (!match || !(port >= 1 && port <= 65_535)) return wrong('');
  return ok({ port, protocol: match[2] === 'udp' ? 'udp' : match[2] === 'sctp' ? 'sctp' : 'tcp' });
};

const AUTH_URL =
  /^https?:\/\/([A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?(?:\/[A-Za-z0-9._~/-]{0,500})?$/;

const authUrl: Parser<string> = (text) => {
  const [, name = '', port = '80'] = AUTH_URL.exec(text) ?? [];
  const labels = name.replace(/\.$/, '').split('.');
  const isRight =
    labels.every(({ length }) => length >= 1 && length <= 63) &&
    Number(port) >= 1 &&
    Number(port) <= 65_535;
  return isRight
    ? ok(text)
    : wrong('must be an http or https URL without query, as http://127.0.0.1:9091/verify');
};

/** A name in a certificate: no wildcard, no address. */
const hostName: Parser<string> = (text) => {
  const parsed = host(text);
  return parsed.ok && /[*[]/.test(parsed.value) ? wrong('must be one host name') : parsed;
};

const SIZE = /^(?:0|[1-9]\d{0,8}[kKmMgG]?)$/;
const TIME = /^[1-9]\d{0,5}(?:ms|s|m|h)$/;
const RATE = /^[1-9]\d{0,5}r\/[sm]$/;

/** Options of one route: `portcullis.<option>` or `portcullis.<route>.<option>`. */
export const routeOptions = {
  port: wholeNumber(1, 65_535),
  host: listOf(host),
  path,
  'strip-prefix': bool,
  scheme: oneOf('http', 'https', 'grpc', 'grpcs'),
  tls: oneOf('auto', 'only', 'off'),
  cert: fileName('a certificate in tls.cert_dir'),
  'redirect-from': listOf(host),
  allow: listOf(cidr, 1000),
  'auth-basic': fileName('an htpasswd file in auth_dir'),
  'auth-request': authUrl,
  rate: matching(RATE, 'must be a rate, as 10r/s or 600r/m'),
  burst: wholeNumber(0, 1_000_000),
  'max-body': matching(SIZE, 'must be a size, as 10m or 1g, or 0 for no limit'),
  timeout: matching(TIME, 'must be a time, as 30s or 5m'),
  buffering: oneOf('on', 'off'),
  balance: oneOf('round_robin', 'least_conn', 'ip_hash'),
  group: matching(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/,
    'must be a name of letters, digits, ".", "_" and "-"',
  ),
  health: oneOf('require', 'ignore'),
  template: fileName('a template in template_dir'),
  'access-log': oneOf('on', 'off'),
  'upstream-verify': oneOf('on', 'off'),
  'upstream-ca': fileName('a CA file in tls.ca_dir'),
  'upstream-name': hostName,
} satisfies Record<string, Parser<unknown>>;

/** Options of the whole container: `portcullis.<option>` only. */
export const containerOptions = {
  enable: bool,
  public: publicPorts,
  'public-from': listOf(cidr, 1000),
} satisfies Record<string, Parser<unknown>>;

type ValueOf<P> = P extends Parser<infer T> ? T : never;
type ValuesOf<T extends Record<string, Parser<unknown>>> = {
  readonly [K in keyof T]?: ValueOf<T[K]>;
};

export type RouteOptions = ValuesOf<typeof routeOptions>;
export type ContainerOptions = ValuesOf<typeof containerOptions>;

export const isRouteOption = (name: string): name is keyof typeof routeOptions =>
  Object.hasOwn(routeOptions, name);
export const isContainerOption = (name: string): name is keyof typeof containerOptions =>
  Object.hasOwn(containerOptions, name);
export const optionNames = [...Object.keys(routeOptions), ...Object.keys(containerOptions)];
