/** Addresses as hexadecimal text of one length per family, so that order and equality are those of strings. */
import ipaddr from 'ipaddr.js';

/** 8 digits for IPv4, 32 for IPv6. */
export type HexAddress = string;

/** Both ends belong to it. */
export type AddressRange = { readonly low: HexAddress; readonly high: HexAddress };

/** @throws {RangeError} on text that is no address */
export function hexAddress(text: string): HexAddress {
  const known = KNOWN.get(text);
  if (known !== undefined) return known;
  if (!ipaddr.isValid(text)) throw new RangeError(`not an address: ${JSON.stringify(text)}`);
  const bytes = ipaddr.parse(text).toByteArray();
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (KNOWN.size > 10_000) KNOWN.clear();
  KNOWN.set(text, hex);
  return hex;
}
const KNOWN = new Map<string, HexAddress>();

export const addressText = (hex: HexAddress): string =>
  ipaddr
    .fromByteArray((hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)))
    .toString();

export const familyOfHex = (hex: HexAddress): 'v4' | 'v6' => (hex.length === 8 ? 'v4' : 'v6');

export function prefixRange(address: string, length: number): AddressRange {
  const hex = hexAddress(address);
  return { low: withTail(hex, length, '0'), high: withTail(hex, length, 'f') };
}

/** `10.0.0.0/8`, `10.0.0.1`, `10.0.0.1-10.0.0.9`, `10.0.0.0/255.0.0.0`. @throws {RangeError} */
export function rangeOf(text: string): AddressRange {
  const [from = '', to] = text.split('-');
  if (to !== undefined) return { low: hexAddress(from), high: hexAddress(to) };
  const [address = '', mask] = text.split('/');
  if (mask === undefined) return prefixRange(address, hexAddress(address).length * 4);
  return prefixRange(address, mask.includes('.') ? maskLength(mask) : Number(mask));
}

function maskLength(mask: string): number {
  const length = ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask();
  if (length === null) throw new RangeError(`a mask with holes: ${mask}`);
  return length;
}

export const inRange = (hex: HexAddress, { low, high }: AddressRange): boolean =>
  hex.length === low.length && low <= hex && hex <= high;

export const isEverything = ({ low, high }: AddressRange): boolean =>
  /^0+$/.test(low) && /^f+$/.test(high);

/** The first `length` bits of `hex`, then ones or zeros. */
function withTail(hex: HexAddress, length: number, fill: '0' | 'f'): HexAddress {
  const whole = Math.floor(length / 4);
  if (whole >= hex.length) return hex;
  const free = 4 - (length % 4);
  const digit = Number.parseInt(hex[whole] ?? '0', 16);
  const low = (digit >> free) << free;
  const edge = (fill === '0' ? low : low | ((1 << free) - 1)).toString(16);
  return hex.slice(0, whole) + edge + fill.repeat(hex.length - whole - 1);
}
