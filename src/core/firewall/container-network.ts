import type { Container, Endpoint, Network, PublishedPort, Snapshot } from '../model.ts';
import { canonicalAddress, familyOf } from './addresses.ts';
import type { EndpointPort } from './ruleset.ts';

/** Whose network a container uses; `shared` is the other container's name, or its id where it is gone. */
export type NetworkPlace =
  | { readonly kind: 'own' }
  | { readonly kind: 'host' }
  | { readonly kind: 'none' }
  | { readonly kind: 'shared'; readonly with: string };

/** Follows `container:<id>`, as pods use it, to the container that has the network. */
export function networkPlace(container: Container, containers: readonly Container[]): NetworkPlace {
  let current = container;
  const seen = new Set<string>();
  while (current.networkMode.startsWith('container:')) {
    const target = current.networkMode.slice('container:'.length);
    const next = containers.find((each) => isContainer(each, target));
    if (next === undefined || seen.has(next.id)) return { kind: 'shared', with: target };
    seen.add(next.id);
    current = next;
  }
  if (current.networkMode === 'host') return { kind: 'host' };
  if (current.networkMode === 'none') return { kind: 'none' };
  return current === container ? { kind: 'own' } : { kind: 'shared', with: current.name };
}

/** Docker takes a name, an id or the start of an id. */
export const isContainer = ({ id, name, swarmPorts }: Container, nameOrId: string): boolean =>
  swarmPorts === undefined &&
  (name === nameOrId || id === nameOrId || (nameOrId.length >= 12 && id.startsWith(nameOrId)));

/** Ports of the host that the container has now or will have when it starts. */
export function hostBindings(
  container: Container,
  { networks }: Snapshot,
): readonly PublishedPort[] {
  if (!['created', 'running', 'paused', 'restarting'].includes(container.state)) return [];
  const forwards = !isUnforwarded(networks.find(({ name }) => name === container.networkMode));
  const ports = [...container.published, ...(forwards ? container.portBindings : [])];
  return [...new Map(ports.map((port) => [portKey(port), port])).values()].filter(
    ({ hostPort }) => hostPort > 0,
  );
}

const portKey = ({ hostAddress, hostPort, containerPort, protocol }: PublishedPort): string =>
  [hostAddress, hostPort, containerPort, protocol].join(' ');

/** On these Docker remembers what -p asked for and forwards nothing. */
const isUnforwarded = (network: Network | undefined): boolean =>
  network !== undefined && ['host', 'null', 'macvlan', 'ipvlan'].includes(network.driver);

/** The addresses on Linux bridges to which Docker forwards `port`; the mesh takes it in by its host port. */
export function forwardedTo(
  container: Container,
  port: Pick<PublishedPort, 'hostPort' | 'containerPort'>,
  { networks }: Snapshot,
): readonly EndpointPort[] {
  const taken = container.swarmPorts === 'ingress' ? port.hostPort : port.containerPort;
  return container.endpoints
    .filter((endpoint) => networkOf(endpoint, networks)?.driver === 'bridge')
    .flatMap((endpoint) => addressesOf(endpoint).map((address) => ({ address, port: taken })));
}

/** The container's addresses that Docker puts no NAT before: gateway mode "routed", for each family by itself. */
export const routedAddresses = (container: Container, { networks }: Snapshot): readonly string[] =>
  container.endpoints.flatMap((endpoint) => {
    const options = networkOf(endpoint, networks)?.options ?? {};
    return addressesOf(endpoint).filter((address) => {
      const key = `com.docker.network.bridge.gateway_mode_ip${familyOf(address)}`;
      return options[key] === 'routed';
    });
  });

const networkOf = (endpoint: Endpoint, networks: readonly Network[]): Network | undefined =>
  networks.find(({ id, name }) => id === endpoint.networkId || name === endpoint.network);

const addressesOf = ({ ipv4, ipv6 }: Endpoint): readonly string[] =>
  [ipv4, ipv6].flatMap((text) => {
    const address = text === undefined ? undefined : canonicalAddress(text);
    return address === undefined ? [] : [address];
  });
