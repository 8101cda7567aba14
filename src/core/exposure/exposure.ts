import type { IpProtocol } from '../model.ts';

/** The ways a packet from outside can take to a container's port. */
export type PathName =
  | 'published-v4'
  | 'published-v6'
  | 'userland-proxy-v4'
  | 'userland-proxy-v6'
  | 'direct-v4'
  | 'direct-v6'
  | 'loopback-neighbour'
  | 'host-network'
  | 'swarm-ingress'
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
  /** CIDRs that a label lets in by this path. */
  readonly sources: readonly string[];
  /** The container's own addresses on Linux bridges. */
  readonly endpoints: readonly string[];
  /** Linux bridges by which a task of a Swarm is reached, where its address is not known. */
  readonly bridges?: readonly string[];
  /** A rule that is not Docker's sends the port on. */
  readonly rule?: string;
  /** `host`: any address of the host, of the family that the path names; undefined: no packet can tell. */
  readonly target: { readonly address: string; readonly port: number } | undefined;
};

export type Answer = 'connected' | 'refused' | 'silent' | 'unsent';

export type Finding = Pick<Exposure, 'container' | 'port' | 'protocol' | 'bind' | 'path'> & {
  readonly verdict: Verdict;
  /** A packet showed it. */
  readonly proven: boolean;
  /** False where a rule that is not understood may decide otherwise: `open` then means "may be open". */
  readonly certain: boolean;
  readonly reason: string;
  /** Public to some addresses only. */
  readonly limited?: true;
  readonly fix?: string;
};

/** What the rules say of a packet, and what became of it when it was sent. */
export type Disagreement = Pick<Exposure, 'container' | 'port' | 'protocol' | 'bind' | 'path'> & {
  readonly said: 'passes' | 'is dropped';
  readonly met: Answer;
};
