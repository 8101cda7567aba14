/** What a Swarm adds to the containers of this node: labels of services, and ports that are open on every node. */
import type { ServicePort, SwarmService } from '../docker/from-service.ts';
import type { Container, PublishedPort, Snapshot } from '../model.ts';
import { createGateway } from './gateway.ts';
import { labelsAbout } from './labels-about.ts';
import { hasSwarmLabels, taskServiceId, withoutSwarmLabels } from './task.ts';

export type Swarm = {
  /** Of this node; undefined where no Swarm is active: then no container is a task. */
  readonly nodeId: string | undefined;
  /** Undefined where they cannot be known, as on a worker that knows no manager. */
  readonly services: readonly SwarmService[] | undefined;
};

export type SwarmView = {
  /** The containers with the labels of their services. */
  tasks(containers: readonly Container[], swarm: Swarm): readonly Container[];
  /** `running`, and one for each service that the mesh serves: what routes may go to. */
  routed(running: readonly Container[], swarm: Swarm): readonly Container[];
  /**
   * The same with their addresses on `docker_gwbridge`, and one for each service that may open a port
   * in host mode: what the firewall must know.
   */
  guarded(snapshot: Snapshot, swarm: Swarm): Snapshot;
};

/** An unchanged container of an unchanged service gives the same object each time. */
export function createSwarmView(prefix: string): SwarmView {
  const known = new WeakMap<Container, { service: SwarmService | undefined; task: Container }>();
  const meshes = new WeakMap<SwarmService, Container>();
  const elsewhere = new WeakMap<SwarmService, Container>();
  const onGateway = createGateway();

  const view: SwarmView = {
    tasks(containers, { nodeId, services }) {
      const byId = new Map((services ?? []).map((service) => [service.id, service]));
      return containers.map((container) => {
        if (!hasSwarmLabels(container)) return container;
        const id = nodeId === undefined ? undefined : taskServiceId(container, nodeId);
        const service = id === undefined ? undefined : byId.get(id);
        const before = known.get(container);
        // A node does not change its id while a task of it runs.
        if (before && before.service === service && service !== undefined) return before.task;
        const task = asTask(container, { isTask: id !== undefined, service, prefix });
        const same = before && JSON.stringify(before.task.labels) === JSON.stringify(task.labels);
        known.set(container, { service, task: same ? before.task : task });
        return same ? before.task : task;
      });
    },
    routed: (running, swarm) => [
      ...view.tasks(running, swarm),
      ...(swarm.services ?? [])
        .filter(({ ports }) => ports.some(isIngress))
        .map((service) => remembered(meshes, service, () => meshOf(service, prefix))),
    ],
    guarded({ containers, networks }, swarm) {
      const here = new Set(containers.flatMap(({ published }) => published.map(portKey)));
      return {
        containers: [
          ...onGateway(view.routed(containers, swarm), networks),
          ...(swarm.services ?? [])
            // With a task of it here, the task has the port.
            .filter(({ ports }) => ports.some((port) => isHost(port) && !here.has(keyOf(port))))
            .map((service) => remembered(elsewhere, service, () => elsewhereOf(service))),
        ],
        networks,
      };
    },
  };
  return view;
}

function remembered<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

const isIngress = ({ mode }: ServicePort): boolean => mode === 'ingress';
const isHost = ({ mode }: ServicePort): boolean => mode === 'host';

const portKey = ({ protocol, hostPort }: PublishedPort): string => `${protocol} ${hostPort}`;
const keyOf = ({ protocol, publishedPort }: ServicePort): string => `${protocol} ${publishedPort}`;

type Told = {
  readonly isTask: boolean;
  readonly service: SwarmService | undefined;
  readonly prefix: string;
};

function asTask(container: Container, { isTask, service, prefix }: Told): Container {
  if (!isTask) return { ...container, labels: withoutSwarmLabels(container.labels) };
  if (service === undefined) return container;
  const labels = { ...service.labels, ...container.labels };
  // On the host network there is nothing that the mesh could serve in its stead.
  if (container.networkMode === 'host') return { ...container, labels };
  const own = service.ports.filter(isHost);
  // Ports that the node chose itself are in no list of services.
  const chosen = container.published.map(({ hostPort, containerPort, protocol }): ServicePort => ({
    protocol,
    publishedPort: hostPort,
    targetPort: containerPort,
    mode: 'host',
  }));
  const about = { own: [...own, ...chosen], other: service.ports.filter(isIngress) };
  return { ...container, labels: labelsAbout(labels, prefix, about) };
}

/** What the mesh serves on every node, with or without a task there. */
function meshOf(service: SwarmService, prefix: string): Container {
  const own = service.ports.filter(isIngress);
  return {
    ...standIn(service),
    labels: labelsAbout(service.labels, prefix, { own, other: service.ports.filter(isHost) }),
    state: 'running',
    published: own.map(bound),
    swarmPorts: 'ingress',
  };
}

/** Ports that open on this node when a task starts here. */
const elsewhereOf = (service: SwarmService): Container => ({
  ...standIn(service),
  id: `${service.id}/host`,
  state: 'created',
  portBindings: service.ports.filter(isHost).map(bound),
  swarmPorts: 'host',
});

const bound = ({ protocol, publishedPort, targetPort }: ServicePort): PublishedPort => ({
  hostAddress: '0.0.0.0',
  hostPort: publishedPort,
  containerPort: targetPort,
  protocol,
});

const standIn = ({ id, name, createdAt }: SwarmService): Container => ({
  id,
  name,
  image: '',
  createdAt,
  state: 'created',
  health: 'none',
  labels: {},
  networkMode: 'ingress',
  published: [],
  portBindings: [],
  exposed: [],
  endpoints: [],
});
