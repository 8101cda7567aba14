import type { Container } from '../model.ts';

const SWARM = 'com.docker.swarm.';

type Named = Pick<Container, 'name' | 'labels'>;

/** A Swarm's labels on a container; anybody may write such labels, so they prove nothing. */
const swarmLabel = ({ labels }: Named, key: string): string | undefined =>
  Object.hasOwn(labels, `${SWARM}${key}`) ? labels[`${SWARM}${key}`] : undefined;

/**
 * The Swarm service whose task a container is; undefined where it is none. The engine names a task
 * `<service>.<slot>.<task id>`, or with the node's id for the slot, and its labels must say the same.
 */
export function taskService(container: Named): string | undefined {
  const service = swarmLabel(container, 'service.name');
  const task = swarmLabel(container, 'task.id');
  const node = swarmLabel(container, 'node.id');
  if (!service || !task || !node || !swarmLabel(container, 'service.id')) return undefined;
  if (swarmLabel(container, 'task.name') !== container.name) return undefined;
  const slot = container.name.slice(service.length + 1, -(task.length + 1));
  if (container.name !== `${service}.${slot}.${task}`) return undefined;
  return /^\d+$/.test(slot) || slot === node ? service : undefined;
}

/** Id of the service whose task the container is on this node. */
export const taskServiceId = (container: Named, nodeId: string): string | undefined =>
  taskService(container) !== undefined && swarmLabel(container, 'node.id') === nodeId
    ? swarmLabel(container, 'service.id')
    : undefined;

export const hasSwarmLabels = ({ labels }: Named): boolean =>
  Object.keys(labels).some((key) => key.startsWith(SWARM));

export const withoutSwarmLabels = (labels: Container['labels']): Container['labels'] =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith(SWARM)));
