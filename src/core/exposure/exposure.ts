import type { IpProtocol } from '../model.ts';

/** The ways a packet from outside can take to a container's port. */
export type PathName =
  | 'published-v4'
  | 'published-v6'
  | 'userland-proxy-v6'
  | 'direct-v4'
  | 'direct-v6'
  | 'loopback-neighbour'
  | 'host-network'
  | 'macvlan';

export type Verdict = 'open' | 'closed' | 'public' | 'unguardable';

/** One path to one port, and the packet that would take it. */
export type Exposure = {
  readonly container: string;
  /** The container's port; on the host network the host's. */
  readonly port: number;
  readonly protocol: IpProtocol;
  /** Host address and port, or '' where nothing is published. */
  readonly bind: string;
  readonly path: PathName;
  /** A label lets outside in by this path: from everyone, or from some addresses only. */
  readonly granted: 'everyone' | 'some' | 'nobody';
  /** `host`: any address of the host, of the family that the path names; undefined: no packet can tell. */
  readonly target: { readonly address: string; readonly port: number } | undefined;
  /** A gateway mode by which Docker itself leaves the container's address open. */
  readonly unprotected: boolean;
  /** Whether the ruleset covers this port when it is enforced. */
  readonly covered: boolean;
};

export type Answer = 'connected' | 'refused' | 'silent' | 'unsent';

export type Finding = Pick<Exposure, 'container' | 'port' | 'protocol' | 'bind' | 'path'> & {
  readonly verdict: Verdict;
  /** A packet showed it. */
  readonly proven: boolean;
  readonly reason: string;
  readonly fix?: string;
};
