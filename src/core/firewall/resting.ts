import type { Container, Problem, PublishedPort, Snapshot } from '../model.ts';
import { hasEnded } from '../tracker.ts';
import type { ContainerAccess, PortAndProtocol } from './access.ts';
import { networkPlace } from './container-network.ts';
import { heldPorts, hostNetworkPorts } from './held-ports.ts';
import type { HostPort } from './ruleset.ts';

/** Ports of the host, as `tcp 80`. */
export type PortKeys = ReadonlySet<string>;

type AccessOf = (container: Container) => ContainerAccess | undefined;

/**
 * A container that does not run has its ports all the same: Docker may start it at any moment, and a
 * host-network process answers some 10 ms after the first event. Where another program listens on one
 * of them it has none: a port that is no container's is never closed. The same goes for what a Swarm
 * publishes on every node, which nothing serves while no task runs anywhere.
 *
 * @param taken ports on which another program listens
 */
export function withResting(
  { containers, networks }: Snapshot,
  taken: PortKeys,
  accessOf: AccessOf,
): Snapshot {
  const kept = (container: Container): readonly Container[] => {
    if (container.swarmPorts !== undefined) return [withoutTaken(container, taken)];
    const ports = portsAtRest(container, { containers, networks }, accessOf);
    if (ports.length === 0 || ports.some((port) => taken.has(portKey(port)))) return [];
    return [asCreated(container)];
  };
  return {
    networks,
    containers: containers.flatMap((each) => (isAtRest(each) ? kept(each) : [each])),
  };
}

/**
 * A container on the host network has the ports that its labels name, unless another program of the
 * host listens there: a label cannot close SSH, nor Nginx, which may itself be in a container.
 *
 * @param foreign ports on which a program listens that is no container's
 * @param own ports that the settings give to Nginx and to Portcullis
 */
export function withoutForeign(
  container: Container,
  access: ContainerAccess,
  {
    foreign,
    own = new Set(),
    containers,
  }: { foreign: PortKeys; own?: PortKeys; containers: readonly Container[] },
): { readonly access: ContainerAccess; readonly problems: readonly Problem[] } {
  if (foreign.size + own.size === 0 || networkPlace(container, containers).kind !== 'host') {
    return { access, problems: [] };
  }
  const isOthers = (port: PortAndProtocol): boolean =>
    foreign.has(portKey(port)) || own.has(portKey(port));
  const others = hostNetworkPorts(container, access).filter(isOthers);
  if (others.length === 0) return { access, problems: [] };
  const isIts = (port: PortAndProtocol): boolean => !isOthers(port);
  const { hostNetworkPorts: named, public: open } = access;
  return {
    access: {
      ...access,
      hostNetworkPorts: named.filter(isIts),
      public: open && { ...open, ports: open.ports === 'all' ? 'all' : open.ports.filter(isIts) },
    },
    problems: [...new Set(others.map(portKey))].map((key) => {
      const [protocol, port] = key.split(' ');
      const whose = own.has(key)
        ? 'which the settings give to Nginx or Portcullis'
        : "on which a program listens that is no container's";
      return {
        container: container.name,
        label: '',
        reason: `names the host's port ${port}/${protocol}, ${whose}: the firewall leaves it as it is`,
      };
    }),
  };
}

/** Ports on which something listens, of containers that do not run or are on the host network: whose is it? */
export function contestedPorts(
  snapshot: Snapshot,
  listening: PortKeys,
  accessOf: AccessOf,
): PortKeys {
  const ports = snapshot.containers.flatMap((container) => {
    if (isAtRest(container)) return portsAtRest(container, snapshot, accessOf).map(portKey);
    const onHost = networkPlace(container, snapshot.containers).kind === 'host';
    return onHost ? hostNetworkPorts(container, accessOf(container)).map(portKey) : [];
  });
  return new Set(ports.filter((key) => listening.has(key)));
}

/** A service opens each of its ports by itself. */
function withoutTaken(container: Container, taken: PortKeys): Container {
  const isFree = ({ protocol, hostPort: port }: PublishedPort): boolean =>
    !taken.has(portKey({ protocol, port }));
  const { published, portBindings } = container;
  if (published.every(isFree) && portBindings.every(isFree)) return container;
  return {
    ...container,
    published: published.filter(isFree),
    portBindings: portBindings.filter(isFree),
  };
}

export const isAtRest = (container: Container): boolean =>
  container.state === 'created' || hasEnded(container) || container.swarmPorts !== undefined;

const asCreated = (container: Container): Container =>
  container.state === 'created' || container.swarmPorts !== undefined
    ? container
    : { ...container, state: 'created', published: [] };

const portsAtRest = (
  container: Container,
  { networks }: Snapshot,
  accessOf: AccessOf,
): readonly HostPort[] => heldPorts({ containers: [asCreated(container)], networks }, accessOf);

export const portKey = ({ protocol, port }: Pick<HostPort, 'protocol' | 'port'>): string =>
  `${protocol} ${port}`;

/**
 * Listeners whose program cannot be seen, as from inside a container. One that has just come may be
 * the container's own, whose start was not read yet: it counts after a second, and what listens at
 * the first look counts at once.
 */
export class SteadyListeners {
  #since: Map<string, number> | undefined;

  /** @param now milliseconds of a steady clock */
  look(listening: PortKeys, now: number): { readonly steady: PortKeys; readonly againMs?: number } {
    const before = this.#since;
    const since = new Map(
      [...listening].map((key) => [key, before ? (before.get(key) ?? now) : -Infinity]),
    );
    this.#since = since;
    const steady = [...since].filter(([, at]) => now - at >= SETTLED_MS).map(([key]) => key);
    return { steady: new Set(steady), ...(steady.length < since.size && { againMs: SETTLED_MS }) };
  }
}

const SETTLED_MS = 1_000;
