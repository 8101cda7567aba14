/** The case list of both golden and kernel tests: what was published and asked for -> the ruleset. */
import type { Container, Network, PublishedPort, Snapshot } from '../model.ts';
import type { ContainerAccess, FirewallSettings } from './access.ts';
import { aContainer, aNetwork, NOTHING_TRUSTED } from './snapshot.fixture.ts';

export type FirewallCase = {
  readonly name: string;
  readonly snapshot: Snapshot;
  readonly access: readonly ContainerAccess[];
  readonly settings: FirewallSettings;
};

const port = (
  hostAddress: string,
  hostPort: number,
  containerPort: number,
  protocol: PublishedPort['protocol'] = 'tcp',
): PublishedPort => ({ hostAddress, hostPort, containerPort, protocol });

const everywhere = (hostPort: number, containerPort: number): readonly PublishedPort[] => [
  port('0.0.0.0', hostPort, containerPort),
  port('::', hostPort, containerPort),
];

const bridge: Network = aNetwork({ bridge: 'docker0' });
const project: Network = aNetwork({
  id: 'n2',
  name: 'shop_default',
  bridge: 'br-0123456789ab',
  subnets: ['172.18.0.0/16', 'fd00:18::/64'],
});

const inProject = (last: number, changes: Partial<Container>): Container =>
  aContainer({
    id: `s${last}`,
    networkMode: 'shop_default',
    endpoints: [
      {
        network: 'shop_default',
        networkId: 'n2',
        ipv4: `172.18.0.${last}`,
        ipv6: `fd00:18::${last}`,
      },
    ],
    ...changes,
  });

const access = (containerId: string, changes: Partial<ContainerAccess>): ContainerAccess => ({
  containerId,
  hostNetworkPorts: [],
  public: undefined,
  ...changes,
});

export const FIREWALL_CASES: readonly FirewallCase[] = [
  {
    name: 'no-containers',
    snapshot: { containers: [], networks: [] },
    access: [],
    settings: NOTHING_TRUSTED,
  },
  {
    name: 'private-only',
    snapshot: {
      networks: [bridge, project],
      containers: [
        aContainer({ published: [port('127.0.0.1', 1234, 80)] }),
        inProject(2, { name: 'db', published: everywhere(5432, 5432) }),
        inProject(3, { name: 'dns', published: [port('192.0.2.5', 53, 53, 'udp')] }),
        inProject(4, { name: 'next', state: 'created', portBindings: [port('', 8081, 80)] }),
      ],
    },
    access: [],
    settings: NOTHING_TRUSTED,
  },
  {
    name: 'public-mail',
    snapshot: {
      networks: [bridge, project],
      containers: [
        inProject(2, {
          name: 'mail',
          published: [...everywhere(25, 25), ...everywhere(993, 993), ...everywhere(8025, 8025)],
        }),
        inProject(3, { name: 'admin', published: [port('192.0.2.5', 8443, 443)] }),
        inProject(4, { name: 'store', published: everywhere(9000, 9000) }),
      ],
    },
    access: [
      access('s2', {
        public: {
          ports: [
            { port: 25, protocol: 'tcp' },
            { port: 993, protocol: 'tcp' },
          ],
          from: [],
        },
      }),
      access('s3', {
        public: { ports: 'all', from: ['198.51.100.0/24', '198.51.100.7/32', '2001:db8::/32'] },
      }),
    ],
    settings: {
      ...NOTHING_TRUSTED,
      trustedInterfaces: ['wg0'],
      trustedSources: ['203.0.113.7/32', 'fd00:9::/48'],
    },
  },
  {
    name: 'host-network-and-proxy',
    snapshot: {
      networks: [bridge, project, aNetwork({ id: 'n3', name: 'docker_gwbridge' })],
      containers: [
        aContainer({ id: 'h1', name: 'metrics', networkMode: 'host', endpoints: [] }),
        inProject(2, { name: 'edge', published: [...everywhere(80, 80), ...everywhere(443, 443)] }),
      ],
    },
    access: [access('h1', { hostNetworkPorts: [{ port: 9100, protocol: 'tcp' }] })],
    settings: { ...NOTHING_TRUSTED, proxyContainer: 'edge' },
  },
  {
    name: 'routed-network',
    snapshot: {
      networks: [
        aNetwork({
          id: 'n2',
          name: 'shop_default',
          bridge: 'br-0123456789ab',
          options: { 'com.docker.network.bridge.gateway_mode_ipv6': 'routed' },
        }),
      ],
      containers: [inProject(2, { name: 'web', published: [port('0.0.0.0', 8080, 80)] })],
    },
    access: [access('s2', { public: { ports: 'all', from: [] } })],
    settings: NOTHING_TRUSTED,
  },
];
