import type { Container, Problem, PublishedPort, Snapshot } from '../model.ts';
import type { ContainerAccess, PortAndProtocol } from './access.ts';
import {
  canonicalAddress,
  disjointNetworks,
  EVERYONE,
  isLoopback,
  isWildcard,
} from './addresses.ts';
import { printable } from '../problem-text.ts';
import { forwardedTo, hostBindings, networkPlace, routedAddresses } from './container-network.ts';
import { boundAddress, hostNetworkPorts } from './held-ports.ts';
import { endpointKey, hostPortKey, sortedUnique, type Grant, type RoutedGrant } from './ruleset.ts';

export type ContainerGrants = {
  readonly grants: readonly Grant[];
  readonly routed: readonly RoutedGrant[];
  readonly problems: readonly Problem[];
};

export type GrantContext = {
  readonly snapshot: Snapshot;
  readonly labelPrefix: string;
  readonly accessOf: (container: Container) => ContainerAccess | undefined;
};

/** Of one container: ports times networks. */
const MOST_RULES = 100_000;

const NOTHING: ContainerGrants = { grants: [], routed: [], problems: [] };

/** What outside may reach of one container. A port that cannot be granted is a problem and stays closed. */
export function containerGrants(
  container: Container,
  access: ContainerAccess,
  context: GrantContext,
): ContainerGrants {
  const { snapshot, labelPrefix } = context;
  if (access.public === undefined || !['running', 'paused'].includes(container.state))
    return NOTHING;
  const { ports, from } = access.public;
  const sources = disjointNetworks(from.length > 0 ? from : EVERYONE);
  const problem = (reason: string): Problem => refusal(container, labelPrefix, reason);

  const place = networkPlace(container, snapshot.containers);
  if (place.kind === 'host') {
    const own = hostNetworkPorts(container, access);
    if (ports === 'all' && own.length === 0) {
      const reason = 'is on the host network: say which ports are meant, as 25/tcp';
      return { ...NOTHING, problems: [problem(reason)] };
    }
    const asked = ports === 'all' ? own : own.filter((port) => isNamed(ports, port));
    const tooMany = tooManyRules(asked.length, sources);
    if (tooMany !== undefined) return { ...NOTHING, problems: [problem(tooMany)] };
    const grants = asked.filter((port) => holderOf(port, container, context) === undefined);
    return {
      ...NOTHING,
      grants: grants.map((port) => ({ ...port, sources, endpoints: [] })),
      problems: asked.flatMap((port) => {
        const holder = holderOf(port, container, context);
        return holder === undefined
          ? []
          : [
              problem(
                `names ${port.port}/${port.protocol}, which is a port of container ${printable(holder.name)}: only that one can make it public`,
              ),
            ];
      }),
    };
  }
  if (place.kind === 'shared') {
    return {
      ...NOTHING,
      problems: [problem(`shares the network of ${place.with}; put the label there`)],
    };
  }

  const { bound, outward } = publishedBy(container);
  const routedTo = routedAddresses(container, snapshot);
  const direct = routedTo.length > 0 ? [...container.published, ...container.portBindings] : [];

  const problems = reasonsAgainst(ports, { bound, outward, direct }).map(problem);
  const grants = outward
    .filter((each) => ports === 'all' || ports.some((port) => isHostPort(port)(each)))
    .map(({ protocol, hostPort, hostAddress, containerPort }): Grant => ({
      protocol,
      port: hostPort,
      address: boundAddress(hostAddress),
      sources,
      endpoints: forwardedTo(container, { hostPort, containerPort }, snapshot),
    }));
  if (grants.some(({ endpoints }) => endpoints.length === 0)) {
    problems.push(
      problem(
        container.swarmPorts === undefined
          ? 'is on no bridge network, so its own address is not known; attach it to one'
          : 'cannot be granted: the routing mesh has no address on docker_gwbridge of this node',
      ),
    );
  }
  const routed = direct
    .filter((each) => ports === 'all' || ports.some((port) => isEitherPort(port)(each)))
    .flatMap(({ protocol, containerPort }) =>
      routedTo.map((address): RoutedGrant => ({ protocol, address, port: containerPort, sources })),
    );
  const tooMany = tooManyRules(grants.length + routed.length, sources);
  if (tooMany !== undefined) return { ...NOTHING, problems: [problem(tooMany)] };
  return { grants: grants.filter(({ endpoints }) => endpoints.length > 0), routed, problems };
}

/**
 * What `public` asks for and the container does not publish: all that can be told without Docker, from
 * a file that names no networks.
 */
export function unpublishedPublic(
  container: Container,
  access: ContainerAccess | undefined,
  labelPrefix: string,
): readonly Problem[] {
  const { networkMode, published, portBindings } = container;
  if (access?.public === undefined || /^(?:host|container:.*)$/.test(networkMode)) return [];
  const { bound, outward } = publishedBy(container);
  // Where Docker has chosen no host port, it may be still to come, or never come for want of NAT.
  const direct = [...published, ...portBindings].filter(
    ({ containerPort, protocol }) =>
      !bound.some((each) => each.containerPort === containerPort && each.protocol === protocol),
  );
  return reasonsAgainst(access.public.ports, { bound, outward, direct }).map((reason) =>
    refusal(container, labelPrefix, reason),
  );
}

/** What is not granted is a wish of the firewall's: routes are served all the same. */
const refusal = ({ name }: Container, labelPrefix: string, reason: string): Problem => ({
  container: name,
  label: `${labelPrefix}.public`,
  reason,
  served: true,
});

type Publication = {
  /** With a host port. */
  readonly bound: readonly PublishedPort[];
  /** Those of `bound` that outside can address. */
  readonly outward: readonly PublishedPort[];
  /** Reached by the container's own address. */
  readonly direct: readonly PublishedPort[];
};

function publishedBy({ published }: Container): Pick<Publication, 'bound' | 'outward'> {
  const bound = published.filter(({ hostPort }) => hostPort > 0);
  const outward = bound.filter(
    ({ hostAddress }) => !isLoopback(hostAddress) && isReadable(hostAddress),
  );
  return { bound, outward };
}

/** Why the ports that `public` names, or all of them, cannot be granted; none: an empty list. */
function reasonsAgainst(
  ports: NonNullable<ContainerAccess['public']>['ports'],
  { bound, outward, direct }: Publication,
): readonly string[] {
  if (ports === 'all') return outward.length + direct.length === 0 ? [whyNothing(bound)] : [];
  return ports
    .filter((port) => !outward.some(isHostPort(port)) && !direct.some(isEitherPort(port)))
    .map((port) => whyNot(port, bound));
}

function tooManyRules(ports: number, sources: readonly string[]): string | undefined {
  const rules = ports * sources.length;
  if (rules <= MOST_RULES) return undefined;
  return `would need ${rules} rules, one for each port and network; one container can have ${MOST_RULES}`;
}

/** Another container whose port this is and that does not make it public itself. */
function holderOf(
  port: PortAndProtocol,
  { id }: Container,
  { snapshot, accessOf }: GrantContext,
): Container | undefined {
  const isPort = isHostPort(port);
  return snapshot.containers.find((other) => {
    if (other.id === id) return false;
    const theirs = accessOf(other);
    const { kind } = networkPlace(other, snapshot.containers);
    const holds =
      kind === 'host'
        ? isNamed(hostNetworkPorts(other, theirs), port)
        : kind === 'own' && hostBindings(other, snapshot).some(isPort);
    if (!holds) return false;
    const open = theirs?.public?.ports;
    return open !== 'all' && !(open !== undefined && isNamed(open, port));
  });
}

const isNamed = (ports: readonly PortAndProtocol[], { port, protocol }: PortAndProtocol): boolean =>
  ports.some((each) => each.port === port && each.protocol === protocol);

const isHostPort =
  ({ port, protocol }: PortAndProtocol) =>
  (published: PublishedPort): boolean =>
    published.hostPort === port && published.protocol === protocol;

/** Without NAT there is no host port; the label then names the container's. */
const isEitherPort =
  ({ port, protocol }: PortAndProtocol) =>
  (published: PublishedPort): boolean =>
    (published.hostPort === port || published.containerPort === port) &&
    published.protocol === protocol;

const isReadable = (hostAddress: string): boolean =>
  isWildcard(hostAddress) || canonicalAddress(hostAddress) !== undefined;

const LOOPBACK_REASON = 'so nothing outside can reach it; publish it without 127.0.0.1';

const whyNothing = (bound: readonly PublishedPort[]): string =>
  bound.length > 0
    ? `has no effect: the container publishes on loopback only, ${LOOPBACK_REASON}`
    : 'has no effect: the container publishes no port; publish one with -p';

function whyNot(port: PortAndProtocol, bound: readonly PublishedPort[]): string {
  const name = `${port.port}/${port.protocol}`;
  if (bound.some(isHostPort(port)))
    return `names ${name}, which is published on loopback only, ${LOOPBACK_REASON}`;
  const known = [
    ...new Set(bound.map(({ hostPort, protocol }) => `${hostPort}/${protocol}`)),
  ].toSorted();
  return `names ${name}, which the container does not publish${known.length > 0 ? ` (it publishes ${known.join(', ')})` : ''}; name a published host port`;
}

/** One grant per host port; two containers cannot hold the same one, but two bindings of one container can. */
export function mergedGrants(grants: readonly Grant[]): readonly Grant[] {
  const merged = new Map<string, Grant>();
  for (const grant of grants) {
    const before = merged.get(hostPortKey(grant));
    merged.set(hostPortKey(grant), {
      ...grant,
      sources: disjointNetworks([...(before?.sources ?? []), ...grant.sources]),
      endpoints: sortedUnique([...(before?.endpoints ?? []), ...grant.endpoints], endpointKey),
    });
  }
  return sortedUnique([...merged.values()], hostPortKey);
}

export function mergedRouted(routed: readonly RoutedGrant[]): readonly RoutedGrant[] {
  const merged = new Map<string, RoutedGrant>();
  for (const grant of routed) {
    const before = merged.get(hostPortKey(grant));
    const sources = disjointNetworks([...(before?.sources ?? []), ...grant.sources]);
    merged.set(hostPortKey(grant), { ...grant, sources });
  }
  return sortedUnique([...merged.values()], hostPortKey);
}
