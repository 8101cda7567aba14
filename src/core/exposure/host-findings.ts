/** What is exposed on a Docker host and is no container's port. */
import type { Snapshot } from '../model.ts';
import type { HostFacts } from '../rules/host-facts.ts';
import type { Reach } from '../rules/reach.ts';

export type HostFinding = {
  readonly what: 'docker-api' | 'swarm-port' | 'bridge-member' | 'macvlan';
  /** `tcp 2375`, or the name of an interface or a container. */
  readonly name: string;
  readonly verdict: 'open' | 'closed' | 'unguardable';
  readonly reason: string;
  readonly fix?: string;
};

/** A port on which dockerd itself listens, on more than loopback. */
export type DaemonPort = { readonly protocol: 'tcp' | 'udp'; readonly port: number };

/** Docker's documentation, "Open protocols and ports between the hosts" of a Swarm. */
const SWARM_PORTS: readonly number[] = [2377, 7946, 4789];

export function daemonFinding(
  { protocol, port }: DaemonPort,
  reach: Reach | undefined,
): HostFinding {
  const what = SWARM_PORTS.includes(port) ? 'swarm-port' : 'docker-api';
  const name = `${protocol} ${port}`;
  if (reach?.answer === 'closed') {
    return { what, name, verdict: 'closed', reason: reach.because };
  }
  const who = reach === undefined || reach.only.length === 0 ? 'anybody' : reach.only.join(', ');
  return what === 'swarm-port'
    ? {
        what,
        name,
        verdict: 'open',
        reason: `${who} reaches a port that only the other nodes of the Swarm need`,
        fix: `let only the addresses of the other nodes reach ${port}/${protocol}`,
      }
    : {
        what,
        name,
        verdict: 'open',
        reason: `${who} reaches dockerd itself; whoever it obeys is root here`,
        fix: 'take the tcp:// listener away ("hosts" in daemon.json, -H of dockerd), or use ssh://, or TLS with client certificates',
      };
}

/** Physical cards and taps inside a container bridge: their neighbours are as near as a container. */
export const bridgeMembers = (
  { interfaces }: HostFacts,
  bridges: readonly string[],
): readonly HostFinding[] =>
  interfaces
    .filter(({ master, kind }) => bridges.includes(master ?? '') && kind !== 'veth')
    .map(({ name, master, kind }) => ({
      what: 'bridge-member',
      name,
      verdict: 'unguardable',
      reason: `${kind === '' ? 'a network card' : `an interface of kind ${kind}`} is a port of the container bridge ${master ?? ''}: what it sends counts as a container`,
      fix: `ip link set ${name} nomaster, or use a macvlan network for containers that belong on that wire`,
    }));

/** Drivers whose containers stand on the network beside the host. */
export const isBeside = (driver: string): boolean => driver === 'macvlan' || driver === 'ipvlan';

/** Containers whose every port is out of the host's reach, those that name none too. */
export function besideHost({ containers, networks }: Snapshot): readonly HostFinding[] {
  const drivers = new Map(networks.map(({ name, driver }) => [name, driver]));
  return containers
    .filter(({ state }) => state === 'running')
    .flatMap(({ name, endpoints }) =>
      endpoints
        .filter(({ network }) => isBeside(drivers.get(network) ?? ''))
        .map(({ network }): HostFinding => ({
          what: 'macvlan',
          name,
          verdict: 'unguardable',
          reason: `it is on the ${drivers.get(network) ?? ''} network ${network}: its packets never pass the firewall of the host`,
          fix: 'use a bridge network',
        })),
    );
}
