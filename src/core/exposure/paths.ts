import {
  canonicalAddress,
  EVERYONE,
  familyOf,
  isLoopback,
  isWildcard,
} from '../firewall/addresses.ts';
import type { ContainerAccess } from '../firewall/access.ts';
import { hostBindings, networkPlace } from '../firewall/container-network.ts';
import type { Ruleset } from '../firewall/ruleset.ts';
import { hostNetworkPorts } from '../firewall/held-ports.ts';
import type {
  Container,
  ContainerPort,
  IpProtocol,
  Network,
  PublishedPort,
  Snapshot,
} from '../model.ts';
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
  { name }: Container,
  { hostAddress, hostPort, containerPort, protocol }: PublishedPort,
  ruleset: Ruleset,
): readonly Exposure[] {
  const base = {
    container: name,
    port: containerPort,
    protocol,
    bind: hostAddress.includes(':') ? `[${hostAddress}]:${hostPort}` : `${hostAddress}:${hostPort}`,
    granted: grantOf(ruleset, protocol, hostPort),
    unprotected: false,
    covered: true,
  };
  const target = (address: string): Exposure['target'] => ({ address, port: hostPort });
  if (isLoopback(hostAddress)) {
    // IPv6 has no such path: no kernel takes ::1 from a wire.
    if (familyOf(hostAddress) === 'v6') return [];
    return [
      { ...base, granted: 'nobody', path: 'loopback-neighbour', target: target(hostAddress) },
    ];
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
        const family = familyOf(address);
        return {
          container: container.name,
          port: containerPort,
          protocol,
          bind: '',
          path: away ? 'macvlan' : `direct-${family}`,
          granted: ruleset.routed.some(
            (each) =>
              each.address === address && each.port === containerPort && each.protocol === protocol,
          )
            ? 'some'
            : 'nobody',
          target: away ? undefined : { address, port: containerPort },
          unprotected: gatewayOpens(network, family),
          covered: true,
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
      granted: grantOf(ruleset, protocol, port),
      target: { address: 'host', port },
      unprotected: false,
      covered: ruleset.held.some((held) => held.port === port && held.protocol === protocol),
    }),
  );
}

function uniquePorts(ports: readonly ContainerPort[]): readonly ContainerPort[] {
  const known = new Map(ports.map((each) => [`${each.containerPort}/${each.protocol}`, each]));
  return [...known.values()];
}

function grantOf({ grants }: Ruleset, protocol: IpProtocol, port: number): Exposure['granted'] {
  const own = grants.filter((grant) => grant.port === port && grant.protocol === protocol);
  if (own.length === 0) return 'nobody';
  const sources = own.flatMap((grant) => grant.sources);
  return EVERYONE.every((each) => sources.includes(each)) ? 'everyone' : 'some';
}

const gatewayOpens = (network: Network | undefined, family: 'v4' | 'v6'): boolean =>
  ['routed', 'nat-unprotected'].includes(
    network?.options[`com.docker.network.bridge.gateway_mode_ip${family}`] ?? '',
  );
