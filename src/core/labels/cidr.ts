import ipaddr from 'ipaddr.js';
import { ok, wrong, type Parser } from './parser.ts';

/**
 * An IPv4 or IPv6 network, in its shortest canonical form: `10.1.2.3/8` becomes `10.0.0.0/8`,
 * an address alone gets `/32` or `/128`.
 */
export const cidr: Parser<string> = (text) => {
  const rule = 'must be a network, as 192.0.2.0/24 or 2001:db8::/32';
  const match = /^([0-9a-fA-F.:]{2,45})(?:\/(\d{1,3}))?$/.exec(text);
  const address = match?.[1];
  if (address === undefined) return wrong(rule);
  // Not IPv4.isValid(): it takes inet_aton's short forms, so 10.1 would be 10.0.0.1.
  const v4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!v4 && !ipaddr.IPv6.isValid(address)) return wrong(rule);
  const most = v4 ? 32 : 128;
  const bits = match?.[2] === undefined ? most : Number(match[2]);
  if (bits > most) return wrong(`${rule}; the prefix must be from 0 to ${most}`);
  const network = v4
    ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)
    : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`);
  return ok(`${network.toString()}/${bits}`);
};
