import type { ContainerAccess } from './firewall/access.ts';
import { parseLabels } from './labels/parse-labels.ts';
import type { Container } from './model.ts';

/**
 * What one container's labels say about the firewall; undefined when they say nothing. A container
 * whose labels are wrong in any way is closed: half a wish is not granted.
 */
export function containerAccess(container: Container, prefix: string): ContainerAccess | undefined {
  const { labelled, problems, routes, container: own } = parseLabels(container, prefix);
  if (!labelled) return undefined;
  const wrong = problems.length > 0 || own.enable === false;
  const onHostNetwork = container.networkMode === 'host';
  const routePorts = routes.flatMap(({ options }) => options.port ?? []);
  const publicPorts = own.public ?? 'none';
  const listed = typeof publicPorts === 'string' ? [] : publicPorts;
  return {
    containerId: container.id,
    hostNetworkPorts: onHostNetwork
      ? [...routePorts.map((port) => ({ port, protocol: 'tcp' as const })), ...listed]
      : [],
    public:
      wrong || publicPorts === 'none'
        ? undefined
        : { ports: publicPorts, from: own['public-from'] ?? [] },
  };
}
