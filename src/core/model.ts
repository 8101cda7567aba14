/** The words of CONTRACT, as types: what Docker says, what the labels ask for, what comes of it. */

export type IpProtocol = 'tcp' | 'udp' | 'sctp';

/** A host address + port that Docker forwards to a container port. */
export type PublishedPort = {
  /** As Docker says it: `0.0.0.0`, `::`, `127.0.0.1`, `192.0.2.5`, … */
  readonly hostAddress: string;
  /** 1–65535; 0 only in `portBindings`, where Docker is still to choose it. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: IpProtocol;
};

export type ContainerPort = { readonly containerPort: number; readonly protocol: IpProtocol };

/** A container's place in one network. */
export type Endpoint = {
  readonly network: string;
  readonly networkId: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
};

/** `none`: the image has no health check. */
export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy';

export type ContainerState =
  'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type Container = {
  readonly id: string;
  /** Without Docker's leading slash. */
  readonly name: string;
  readonly image: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly state: ContainerState;
  readonly health: Health;
  readonly labels: Readonly<Record<string, string>>;
  /** Of its environment what `compat` reads (COMPAT_VARIABLES), where that is known: a list does not tell. */
  readonly environment?: Readonly<Record<string, string>>;
  /** `host`, `none`, `bridge`, `default`, `container:<id>` or a network's name. */
  readonly networkMode: string;
  /** Ports Docker forwards now; empty until the container runs. */
  readonly published: readonly PublishedPort[];
  /** Ports Docker was asked to forward (`HostConfig.PortBindings`); known from `create` on, from an inspect only. */
  readonly portBindings: readonly PublishedPort[];
  /** Every container port that EXPOSE or -p names. */
  readonly exposed: readonly ContainerPort[];
  readonly endpoints: readonly Endpoint[];
  /**
   * No container at all, but what a Swarm service of this name publishes on this node: by the routing
   * mesh, or in host mode as soon as a task of it starts here.
   */
  readonly swarmPorts?: 'ingress' | 'host';
};

export type Member = { readonly id: string; readonly ipv4?: string; readonly ipv6?: string };

export type Network = {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** Name of the Linux bridge on the host; only for the `bridge` driver and `docker_gwbridge`. */
  readonly bridge?: string;
  /** CIDRs, IPv4 and IPv6. */
  readonly subnets: readonly string[];
  readonly internal: boolean;
  /** The Swarm routing mesh. */
  readonly ingress: boolean;
  /** Who is on it, by container id; only of `docker_gwbridge`, where the routing mesh is `ingress-sbox`. */
  readonly members?: readonly Member[];
  readonly options: Readonly<Record<string, string>>;
};

/** All containers and networks at one moment. */
export type Snapshot = {
  readonly containers: readonly Container[];
  readonly networks: readonly Network[];
};

/** Something a user's label asks for that cannot be done. */
export type Problem = {
  readonly container: string;
  /** Full label key, or '' when the container as a whole is meant. */
  readonly label: string;
  /** One sentence without the label's name: what is wrong and what would be right. */
  readonly reason: string;
  readonly value?: string;
  /** It is not the labels that were refused, but the site that Nginx was given. */
  readonly quarantined?: true;
  /** It is served all the same, though not as it was asked for. */
  readonly served?: true;
};

/** Text of every file this tool owns, keyed by path relative to the output folder. */
export type FileTree = ReadonlyMap<string, string>;
