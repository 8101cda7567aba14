import ipaddr from 'ipaddr.js';
import type { ContainerPort, IpProtocol, PublishedPort } from '../model.ts';
import { ShapeError } from './reader.ts';

export const MAX_PORT = 65_535;

/** What Docker binds where `-p` names no address. */
export const EVERY_ADDRESS = ['0.0.0.0', '::'] as const;

export const hostAddresses = (hostAddress: string, place: string): readonly string[] =>
  isUnset(hostAddress) ? EVERY_ADDRESS : [ipAddress(hostAddress, place)];

/** `invalid IP` is how Go's netip.Addr prints that there is none. */
export const isUnset = (address: string): boolean => address === '' || address === 'invalid IP';

export const isAddress = (text: string): boolean =>
  ipaddr.IPv4.isValidFourPartDecimal(text) ||
  (/^[0-9a-fA-F.:]+$/.test(text) && ipaddr.IPv6.isValid(text));

export function ipAddress(text: string, place: string): string {
  if (isAddress(text)) return text;
  throw new ShapeError(`${place}: ${JSON.stringify(text.slice(0, 80))} is not an IP address`);
}

export function ipProtocol(text: string, place: string): IpProtocol {
  const known = knownProtocol(text);
  if (known !== undefined) return known;
  const shown = JSON.stringify(text.slice(0, 80));
  throw new ShapeError(`${place}: the protocol must be tcp, udp or sctp, but is ${shown}`);
}

export const knownProtocol = (text: string): IpProtocol | undefined =>
  (['tcp', 'udp', 'sctp'] as const).find((known) => known === text.toLowerCase());

/**
 * Reads a key of Docker's port maps, as `80/tcp`; a bare `80` is TCP. Undefined for what is no port:
 * Docker takes any text that an image or a Compose file exposes, as `3000-3005`, and opens nothing for it.
 */
export function containerPort(text: string): ContainerPort | undefined {
  const [, port, name = 'tcp'] = /^(\d{1,5})(?:\/([A-Za-z]+))?$/.exec(text) ?? [];
  const [number, protocol] = [Number(port), knownProtocol(name)];
  if (!(number >= 1 && number <= MAX_PORT) || protocol === undefined) return undefined;
  return { containerPort: number, protocol };
}

/** In a fixed order: Docker takes them from an unordered map. */
export const sortPublished = (ports: readonly PublishedPort[]): readonly PublishedPort[] =>
  ports.toSorted(
    (a, b) =>
      a.containerPort - b.containerPort ||
      compareText(a.protocol, b.protocol) ||
      a.hostPort - b.hostPort ||
      compareText(a.hostAddress, b.hostAddress),
  );

/** In a fixed order, each once. */
export function sortExposed(ports: readonly ContainerPort[]): readonly ContainerPort[] {
  const byKey = new Map(
    ports.map(({ containerPort: port, protocol }) => [
      `${port}/${protocol}`,
      { containerPort: port, protocol },
    ]),
  );
  return [...byKey.values()].toSorted(
    (a, b) => a.containerPort - b.containerPort || compareText(a.protocol, b.protocol),
  );
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
