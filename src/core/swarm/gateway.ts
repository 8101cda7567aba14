import type { Container, Network } from '../model.ts';

/** What `docker_gwbridge` calls the routing mesh. */
const MESH = 'ingress-sbox';

/**
 * Gives the containers their addresses on `docker_gwbridge`: to these Docker forwards the ports of a
 * container that is on overlay networks alone, and only that network tells them. An unchanged container
 * with an unchanged address gives the same object each time.
 */
export function createGateway(): (
  containers: readonly Container[],
  networks: readonly Network[],
) => readonly Container[] {
  const known = new WeakMap<Container, { key: string; container: Container }>();
  return (containers, networks) => {
    const endpoints = new Map(
      networks.flatMap(({ id: networkId, name: network, members = [] }) =>
        members.map(({ id, ...addresses }) => [id, { network, networkId, ...addresses }]),
      ),
    );
    return containers.map((container) => {
      const endpoint = endpoints.get(container.swarmPorts === 'ingress' ? MESH : container.id);
      if (!endpoint || container.endpoints.some((own) => own.networkId === endpoint.networkId)) {
        return container;
      }
      const key = JSON.stringify(endpoint);
      const before = known.get(container);
      if (before?.key === key) return before.container;
      const reached = { ...container, endpoints: [...container.endpoints, endpoint] };
      known.set(container, { key, container: reached });
      return reached;
    });
  };
}
