/** Routes and sites: what the labels come to, before any Nginx text. */
import type { Problem } from './model.ts';

export type Scheme = 'http' | 'https' | 'grpc' | 'grpcs';
export type Balance = 'round_robin' | 'least_conn' | 'ip_hash';

/** One server of a route: an address that the host itself can reach. */
export type Server = {
  /** `127.0.0.1:1234`, `[::1]:1234` */
  readonly address: string;
  /** Container name and id, for people; no part of the Nginx text. */
  readonly container: string;
  readonly id: string;
};

export type UpstreamTls = {
  readonly verify: boolean;
  /** The name its certificate must have. */
  readonly name: string;
  /** Name of a file in tls.ca_dir; undefined: the system's authorities. */
  readonly ca?: string;
};

/** How one path of a host is proxied. */
export type Access = {
  readonly stripPrefix: boolean;
  readonly scheme: Scheme;
  readonly balance: Balance;
  readonly allow: readonly string[];
  readonly authBasic?: string;
  readonly rate?: string;
  readonly burst?: number;
  readonly maxBody?: string;
  readonly timeout?: string;
  readonly buffering: boolean;
  readonly tls: 'auto' | 'only' | 'off';
  /** Name of a certificate in tls.cert_dir. */
  readonly cert?: string;
  /** URL of the forward-auth endpoint, always with a path. */
  readonly authRequest?: string;
  /** Name of the site's template, where it is not `site`. */
  readonly template?: string;
  /** True: the site is left out of the access log. */
  readonly unlogged?: true;
  /** How a TLS upstream is known; undefined for `http` and `grpc`. */
  readonly upstreamTls?: UpstreamTls;
};

/** No option at all. */
export const PLAIN: Access = {
  stripPrefix: false,
  scheme: 'http',
  balance: 'round_robin',
  allow: [],
  buffering: true,
  tls: 'auto',
};

/** One (host, path) that a container wants. */
export type WantedRoute = {
  readonly host: string;
  readonly path: string;
  readonly redirectFrom: readonly string[];
  readonly access: Access;
  readonly server: Server;
  /** Who may share the host and path: a Compose service, a Swarm service, a group, or the container alone. */
  readonly owner: string;
  /** Nobody may add paths to the host. */
  readonly unshared?: true;
  /** Who it is within a group: its owner without that label; undefined outside of groups. */
  readonly member?: string;
  /** False while Docker's health check says no. */
  readonly ready: boolean;
};

/** What one container wants, or why it gets nothing. */
export type ContainerRoutes = {
  readonly wanted: readonly WantedRoute[];
  readonly problems: readonly Problem[];
};

export type Route = {
  readonly host: string;
  readonly path: string;
  readonly access: Access;
  readonly owner: string;
  /** In a group: the member whose options these are. */
  readonly lead?: string;
  /** Sorted by address. Empty: no container is ready, the route answers 503. */
  readonly servers: readonly Server[];
};

/** All routes of one host: one server block, one file. */
export type Site = {
  readonly host: string;
  /** Whose options hold for the whole site: certificate, template, access log. */
  readonly owner: string;
  /** Where the owner is a group: the member whose options these are. */
  readonly lead?: string;
  /** Names answered with 301 to `host`. */
  readonly redirectFrom: readonly string[];
  /** Those of them that do not come with the site's options: name, owner, and who of the owner is to blame. */
  readonly othersRedirects?: readonly (readonly [name: string, owner: string, culprit: string])[];
  /** Sorted by path. */
  readonly routes: readonly Route[];
};

/** A route that was asked for and is not served. */
export type RejectedRoute = {
  readonly host: string;
  readonly path: string;
  readonly container: string;
  readonly id: string;
  readonly address: string;
  readonly reason: string;
};

export type RoutePlan = {
  /** Sorted by host. */
  readonly sites: readonly Site[];
  readonly rejected: readonly RejectedRoute[];
  readonly problems: readonly Problem[];
};
