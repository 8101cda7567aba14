import type { Container, Snapshot } from '../model.ts';
import type { ContainerAccess } from './access.ts';
import { canonicalAddress, isLoopback, isWildcard } from './addresses.ts';
import { hostBindings, networkPlace } from './container-network.ts';
import { hostPortKey, sortedUnique, type HostPort } from './ruleset.ts';

/** Every host port that a container holds on an address that outside can see. Never another program's. */
export function heldPorts(
  snapshot: Snapshot,
  accessOf: (container: Container) => ContainerAccess | undefined,
): readonly HostPort[] {
  const ports = snapshot.containers.flatMap((container): readonly HostPort[] => {
    const { kind } = networkPlace(container, snapshot.containers);
    if (kind === 'host') return hostNetworkPorts(container, accessOf(container));
    if (kind !== 'own') return [];
    return hostBindings(container, snapshot)
      .filter(({ hostAddress }) => !isLoopback(hostAddress))
      .map(({ protocol, hostPort, hostAddress }) => ({
        protocol,
        port: hostPort,
        address: boundAddress(hostAddress),
      }));
  });
  const unique = sortedUnique(ports, hostPortKey);
  const everywhere = new Set(
    unique.filter(({ address }) => address === undefined).map(hostPortKey),
  );
  return unique.filter(
    (port) =>
      port.address === undefined || !everywhere.has(hostPortKey({ ...port, address: undefined })),
  );
}

/**
 * The one address a port is bound to, or `undefined` for all. A wildcard of one family means both:
 * Docker's proxy has listened on [::] for 0.0.0.0. What cannot be read is taken as all, the closed side.
 */
export const boundAddress = (hostAddress: string): string | undefined =>
  isWildcard(hostAddress) ? undefined : canonicalAddress(hostAddress);

const RUNS: readonly Container['state'][] = ['created', 'running', 'paused', 'restarting'];

/** A label that makes a host-network port public names that port too. */
export function hostNetworkPorts(
  { state }: Container,
  access: ContainerAccess | undefined,
): readonly HostPort[] {
  if (access === undefined || !RUNS.includes(state)) return [];
  const named = access.public?.ports ?? [];
  return [...access.hostNetworkPorts, ...(named === 'all' ? [] : named)].map(
    ({ port, protocol }) => ({ protocol, port, address: undefined }),
  );
}
