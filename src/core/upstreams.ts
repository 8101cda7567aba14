/**
 * Which address a route goes to. Always one that the host itself can reach without a container
 * network: the published port, on loopback wherever Docker listens there too.
 */
import { EVERY_ADDRESS } from './docker/ports.ts';
import type { Container, PublishedPort } from './model.ts';

/** The address Nginx dials for a port that Docker listens on at `hostAddress`. */
export function dialAddress({
  hostAddress,
  hostPort,
}: Pick<PublishedPort, 'hostAddress' | 'hostPort'>): string {
  const host =
    hostAddress === '' || hostAddress === '0.0.0.0'
      ? '127.0.0.1'
      : hostAddress === '::'
        ? '::1'
        : hostAddress;
  return host.includes(':') ? `[${host}]:${hostPort}` : `${host}:${hostPort}`;
}

/** Loopback IPv4 first, then the wildcard, then any other IPv4, then IPv6. */
function preference({ hostAddress }: PublishedPort): number {
  if (hostAddress === '127.0.0.1') return 0;
  if (hostAddress === '0.0.0.0' || hostAddress === '') return 1;
  if (!hostAddress.includes(':')) return hostAddress.startsWith('127.') ? 2 : 3;
  return hostAddress === '::1' ? 4 : hostAddress === '::' ? 5 : 6;
}

/** The published TCP ports, one for each host port: the address Nginx can best reach. Sorted by port. */
export function publishedTcpPorts(container: Container): readonly PublishedPort[] {
  const byHostPort = new Map<number, PublishedPort>();
  for (const port of container.published) {
    if (port.protocol !== 'tcp' || port.hostPort === 0) continue;
    const known = byHostPort.get(port.hostPort);
    if (!known || preference(port) < preference(known)) byHostPort.set(port.hostPort, port);
  }
  return [...byHostPort.values()].toSorted((a, b) => a.hostPort - b.hostPort);
}

/** The published port that best reaches `containerPort`; undefined when it is not published. */
export function publishedPortFor(
  container: Container,
  containerPort: number,
): PublishedPort | undefined {
  return publishedTcpPorts(container)
    .filter((port) => port.containerPort === containerPort)
    .toSorted((a, b) => preference(a) - preference(b) || a.hostPort - b.hostPort)[0];
}

/**
 * Every address that is the container's: where Nginx would reach it, and `0.0.0.0:80`, `[::]:80` for all of a
 * port. None in the pod of another, whose ports Podman calls its own; none on the host network, where an
 * address is but a word of a label.
 */
export const ownAddresses = ({ networkMode, published }: Container): readonly string[] =>
  networkMode === 'host' || networkMode.startsWith('container:')
    ? []
    : published.flatMap((port) => {
        if (port.protocol !== 'tcp' || port.hostPort === 0) return [];
        const address = dialAddress(port);
        const isAll = ['', ...EVERY_ADDRESS].includes(port.hostAddress);
        return isAll ? [address, allOf(address)] : [address];
      });

/** `127.0.0.1:80` -> `0.0.0.0:80` */
export const allOf = (address: string): string =>
  address.replace(/^.*:/, address.startsWith('[') ? '[::]:' : '0.0.0.0:');

/** Where the kernel's `ip_local_port_range` begins, from which Docker chooses. */
const FIRST_CHOSEN = 32_768;

/** Was Docker asked for this very port? It chooses one where none is asked for. */
export const asksFor = ({ portBindings }: Container, address: string): boolean =>
  portBindings.length > 0
    ? portBindings.some(({ hostPort }) => address.endsWith(`:${hostPort}`))
    : // A list did not tell.
      Number(address.slice(address.lastIndexOf(':') + 1)) < FIRST_CHOSEN;
