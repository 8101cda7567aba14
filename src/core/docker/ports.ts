import ipaddr from 'ipaddr.js';
import type { ContainerPort, IpProtocol, PublishedPort } from '../model.ts';
import { ShapeError } from './reader.ts';

export const MAX_PORT = 65_535;

/** What Docker binds where `-p` names no address. */
const EVERY_ADDRESS = ['0.0.0.0', '::'] as const;

export const hostAddresses = (hostAddress: string, place: string): readonly string[] =>
  isUnset(hostAddress) ? EVERY_ADDRESS : [ipAddress(hostAddress, place)];

/** `invalid IP` is how Go's netip.Addr prints that there is none. */
export const isUnset = (address: string): boolean => address === '' || address === 'invalid IP';

export function ipAddress(text: string, place: string): string {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return text;
  if (/^[0-9a-fA-F.:]+$/.test(text) && ipaddr.IPv6.isValid(text)) return text;
  throw new ShapeError(`${place}: ${JSON.stringify(text.slice(0, 80))} is not an IP address`);
}

export function ipProtocol(text: string, place: string): IpProtocol {
  if (text === 'tcp' || text === 'udp' || text === 'sctp') return text;
  const shown = JSON.stringify(text.slice(0, 80));
  throw new ShapeError(`${place}: the protocol must be tcp, udp or sctp, but is ${shown}`);
}

/** Reads a key of Docker's port maps, as `80/tcp`; a bare `80` is TCP. */
export function containerPort(text: string, place: string): ContainerPort {
  const match = /^(\d{1,5})(?:\/([a-z]+))?$/.exec(text);
  const port = Number(match?.[1]);
  if (!match || !(port <= MAX_PORT)) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new ShapeError(`${place}: ${shown} is not a container port, as 80/tcp`);
  }
  return { containerPort: port, protocol: ipProtocol(match[2] ?? 'tcp', place) };
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
