import type { Container } from './model.ts';
import { taskService } from './swarm/task.ts';

const label = (container: Container, key: string): string | undefined =>
  Object.hasOwn(container.labels, key) ? container.labels[key] : undefined;

export const composeProject = (container: Container): string | undefined =>
  label(container, 'com.docker.compose.project') ?? label(container, 'com.docker.stack.namespace');

/** As the file names it: a service of a stack has the stack's name before its own. */
export function composeService(container: Container): string | undefined {
  const service = label(container, 'com.docker.compose.service');
  if (service !== undefined) return service;
  const deployed = swarmService(container);
  const stack = label(container, 'com.docker.stack.namespace');
  return deployed?.startsWith(`${stack}_`) ? deployed.slice(`${stack}_`.length) : deployed;
}

const swarmService = (container: Container): string | undefined =>
  container.swarmPorts === undefined ? taskService(container) : container.name;

/** `docker compose run` leaves such containers; they are copies of a service, not its replicas. */
export const isOneOff = (container: Container): boolean =>
  label(container, 'com.docker.compose.oneoff')?.toLowerCase() === 'true';

/**
 * Who a container's routes belong to. Containers of one owner may share a host and path; it stays
 * the same when a container is recreated.
 */
export function ownerOf(container: Container, group: string | undefined): string {
  if (group !== undefined) return `group ${group}`;
  const project = label(container, 'com.docker.compose.project');
  const service = label(container, 'com.docker.compose.service');
  const isComposed = project !== undefined && service !== undefined;
  const swarm = swarmService(container);
  // Compose sets its own labels over those of a file, and leaves Swarm's to the file; "docker stack"
  // the other way round. So who has both has written one of them by hand, and is neither.
  if (isComposed && swarm === undefined) return `Compose service ${project}/${service}`;
  if (!isComposed && swarm !== undefined) return `Swarm service ${swarm}`;
  return `container ${container.name}`;
}
