import type { IpProtocol } from '../model.ts';

export type PortAndProtocol = { readonly port: number; readonly protocol: IpProtocol };

/** What one container's labels say about the firewall. */
export type ContainerAccess = {
  readonly containerId: string;
  /** Host ports that its labels name; only for containers on the host network. */
  readonly hostNetworkPorts: readonly PortAndProtocol[];
  readonly public:
    | {
        /** Published host ports. */
        readonly ports: 'all' | readonly PortAndProtocol[];
        /** CIDRs; empty means everyone. */
        readonly from: readonly string[];
      }
    | undefined;
};

export type FirewallSettings = {
  readonly trustedInterfaces: readonly string[];
  /** CIDRs. */
  readonly trustedSources: readonly string[];
  /** Name or id of the container that Nginx runs in: all its published ports are public by its role. */
  readonly proxyContainer: string | undefined;
  /** Default `portcullis`; only problems name it. */
  readonly labelPrefix?: string;
};
