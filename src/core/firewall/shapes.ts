/** The last door before rule text: whatever came earlier, only these shapes are ever written. */
import { canonicalAddress, canonicalNetwork } from './addresses.ts';

const INTERFACE = /^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,14}$/;

export const isInterfaceName = (name: string): boolean => INTERFACE.test(name);

/** @throws {RangeError} if `name` is not an interface name that every backend can write */
export function interfaceName(name: string): string {
  if (!isInterfaceName(name))
    throw new RangeError(`not an interface name: ${JSON.stringify(name)}`);
  return name;
}

/** @throws {RangeError} if `port` is not a whole number from 1 to 65535 */
export function portNumber(port: number): string {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new RangeError(`not a port: ${port}`);
  return String(port);
}

/** @throws {RangeError} if `protocol` is not one of the three that have ports */
export function protocolName(protocol: string): string {
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) {
    throw new RangeError(`not a protocol with ports: ${JSON.stringify(protocol)}`);
  }
  return protocol;
}

/** @throws {RangeError} if `text` is not an IP address */
export function addressText(text: string): string {
  const address = canonicalAddress(text);
  if (address === undefined) throw new RangeError(`not an address: ${JSON.stringify(text)}`);
  return address;
}

/** @throws {RangeError} if `text` is not a network in CIDR form */
export function networkText(text: string): string {
  const network = canonicalNetwork(text);
  if (network === undefined) throw new RangeError(`not a network: ${JSON.stringify(text)}`);
  return network;
}
