import { canonicalAddress, familyOf, isLoopback, isWildcard } from '../firewall/addresses.ts';
import type { ContainerAccess } from '../firewall/access.ts';
import { hostBindings, networkPlace } from '../firewall/container-network.ts';
import type { Ruleset } from '../firewall/ruleset.ts';
import { hostNetworkPorts } from '../firewall/held-ports.ts';
import type { Container, ContainerPort, IpProtocol, PublishedPort, Snapshot } from '../model.ts';
import { hexAddress } from '../rules/address-range.ts';
import { PROTOCOLS } from '../rules/packet.ts';
import type { Forwarding } from '../rules/rule-model.ts';
import type { SwarmService } from '../docker/from-service.ts';
import type { Exposure } from './exposure.ts';

/** Every port of every running container, by every path that a packet from outside could try. */
export function exposures(
  snapshot: Snapshot,
  ruleset: Ruleset,
  accessOf: (container: Container) => ContainerAccess | undefined,
): readonly Exposure[] {
  const running = snapshot.containers.filter(({ state }) => state === 'running');
  return running.flatMap((container) => {
    const { kind } = networkPlace(container, snapshot.containers);
    if (kind === 'host') return onHostNetwork(container, ruleset, accessOf(container));
    if (kind !== 'own') return [];
    return [
      ...hostBindings(container, snapshot).flatMap((port) => published(container, port, ruleset)),
      ...direct(container, snapshot, ruleset),
    ];
  });
}

function published(
  container: Container,
  { hostAddress, hostPort, containerPort, protocol }: PublishedPort,
  ruleset: Ruleset,
): readonly Exposure[] {
  const base = {
    container: container.name,
    port: containerPort,
    protocol,
    bind: hostAddress.includes(':') ? `[${hostAddress}]:${hostPort}` : `${hostAddress}:${hostPort}`,
    sources: grantedTo(ruleset, protocol, hostPort),
    endpoints: addressesOf(container),
  };
  const target = (address: string): Exposure['target'] => ({ address, port: hostPort });
  if (isLoopback(hostAddress)) {
    // IPv6 has no such path: no kernel takes ::1 from a wire.
    if (familyOf(hostAddress) === 'v6') return [];
    return [{ ...base, sources: [], path: 'loopback-neighbour', target: target(hostAddress) }];
  }
  const v6 = familyOf(hostAddress) === 'v6';
  const anywhere = isWildcard(hostAddress);
  const to = target(anywhere ? 'host' : (canonicalAddress(hostAddress) ?? hostAddress));
  if (!v6) return [{ ...base, path: 'published-v4', target: to }];
  const both: readonly Exposure[] = [{ ...base, path: 'published-v6', target: to }];
  if (!anywhere) return both;
  return [...both, { ...base, path: 'userland-proxy-v6', target: target('link-local') }];
}

function direct(
  container: Container,
  { networks }: Snapshot,
  ruleset: Ruleset,
): readonly Exposure[] {
  const ports = uniquePorts([...container.exposed, ...container.published]);
  return container.endpoints.flatMap((endpoint) => {
    const network = networks.find(
      ({ id, name }) => id === endpoint.networkId || name === endpoint.network,
    );
    const away = network?.driver === 'macvlan' || network?.driver === 'ipvlan';
    if (!away && network?.driver !== 'bridge') return [];
    const addresses = [endpoint.ipv4, endpoint.ipv6].flatMap((text) => {
      const address = text === undefined ? undefined : canonicalAddress(text);
      return address === undefined ? [] : [address];
    });
    return addresses.flatMap((address) =>
      ports.map(({ containerPort, protocol }): Exposure => {
        return {
          container: container.name,
          port: containerPort,
          protocol,
          bind: '',
          path: away ? 'macvlan' : `direct-${familyOf(address)}`,
          sources: ruleset.routed
            .filter(
              (each) =>
                each.address === address &&
                each.port === containerPort &&
                each.protocol === protocol,
            )
            .flatMap((each) => each.sources),
          target: away ? undefined : { address, port: containerPort },
          endpoints: [address],
        };
      }),
    );
  });
}

/** Only what EXPOSE or a label names is known; a process may listen on more. */
function onHostNetwork(
  container: Container,
  ruleset: Ruleset,
  access: ContainerAccess | undefined,
): readonly Exposure[] {
  const labelled = hostNetworkPorts(container, access).map(({ port, protocol }) => ({
    containerPort: port,
    protocol,
  }));
  return uniquePorts([...container.exposed, ...labelled]).map(
    ({ containerPort: port, protocol }) => ({
      container: container.name,
      port,
      protocol,
      bind: '',
      path: 'host-network',
      sources: grantedTo(ruleset, protocol, port),
      endpoints: [],
      target: { address: 'host', port },
    }),
  );
}

function uniquePorts(ports: readonly ContainerPort[]): readonly ContainerPort[] {
  const known = new Map(ports.map((each) => [`${each.containerPort}/${each.protocol}`, each]));
  return [...known.values()];
}

const grantedTo = ({ grants }: Ruleset, protocol: IpProtocol, port: number): readonly string[] =>
  grants
    .filter((grant) => grant.port === port && grant.protocol === protocol)
    .flatMap(({ sources }) => sources);

const addressesOf = ({ endpoints }: Container): readonly string[] =>
  endpoints.flatMap(({ ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((text) => {
      const address = text === undefined ? undefined : canonicalAddress(text);
      return address === undefined ? [] : [address];
    }),
  );

/** Ports that a Swarm publishes on every node, whether or not a task runs here. */
export const meshed = (services: readonly SwarmService[], ruleset: Ruleset): readonly Exposure[] =>
  services.flatMap(({ name, ports }) =>
    ports
      .filter(({ mode }) => mode === 'ingress')
      .map(({ protocol, publishedPort, targetPort }): Exposure => ({
        container: name,
        port: targetPort,
        protocol,
        bind: `*:${publishedPort}`,
        path: 'swarm-ingress',
        sources: grantedTo(ruleset, protocol, publishedPort),
        endpoints: [],
        bridges: ['docker_gwbridge'],
        target: { address: 'host', port: publishedPort },
      })),
  );

/** Ports of the host that somebody else's rule sends on to a container. */
export function forwardedByOthers(
  snapshot: Snapshot,
  forwardings: readonly Forwarding[],
): readonly Exposure[] {
  const running = snapshot.containers.filter(({ state }) => state === 'running');
  return forwardings.flatMap(({ protocol: number, ports, to, text }) =>
    running.flatMap((container) => {
      const address = addressesOf(container).find((each) => hexAddress(each) === to.address);
      if (address === undefined) return [];
      return [...new Set(ports)].flatMap((port) =>
        PROTOCOL_NAMES.filter((name) => number === undefined || PROTOCOLS[name] === number)
          .filter((protocol) => !isPublished(container, protocol, port))
          .map((protocol): Exposure => ({
            container: container.name,
            port: to.port ?? port,
            protocol,
            bind: `*:${port}`,
            path: `published-${familyOf(address)}`,
            sources: [],
            endpoints: addressesOf(container),
            rule: text,
            target: { address: 'host', port },
          })),
      );
    }),
  );
}

const PROTOCOL_NAMES: readonly IpProtocol[] = ['tcp', 'udp'];

const isPublished = (
  { published: ports }: Container,
  protocol: IpProtocol,
  port: number,
): boolean => ports.some((each) => each.protocol === protocol && each.hostPort === port);
