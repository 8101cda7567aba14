import type { Container, Network, Snapshot } from '../model.ts';
import type { FirewallSettings } from './access.ts';

export const NOTHING_TRUSTED: FirewallSettings = {
  trustedInterfaces: [],
  trustedSources: [],
  proxyContainer: undefined,
};

/** A running container on the default bridge, for tests to change. */
export const aContainer = (changes: Partial<Container>): Container => ({
  id: 'c1',
  name: 'web',
  image: 'web:1',
  createdAt: 0,
  state: 'running',
  health: 'none',
  labels: {},
  networkMode: 'bridge',
  published: [],
  portBindings: [],
  exposed: [],
  endpoints: [{ network: 'bridge', networkId: 'n1', ipv4: '172.17.0.2' }],
  ...changes,
});

export const aNetwork = (changes: Partial<Network>): Network => ({
  id: 'n1',
  name: 'bridge',
  driver: 'bridge',
  subnets: ['172.17.0.0/16'],
  internal: false,
  ingress: false,
  options: {},
  ...changes,
});

export const aSnapshot = (
  containers: readonly Container[],
  networks: readonly Network[] = [],
): Snapshot => ({ containers, networks: [aNetwork({ bridge: 'docker0' }), ...networks] });
