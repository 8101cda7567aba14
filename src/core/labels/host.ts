import ipaddr from 'ipaddr.js';
import { ok, wrong, type Parser } from './parser.ts';

// RFC 1123 names, and the underscore, which Compose puts into names and browsers accept.
const DNS_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME = 253;

/** A host name as Nginx's `server_name` takes it, in lower case: a DNS name, `*.` and a DNS name, or an IP address. */
export const host: Parser<string> = (text) => {
  const rule = 'must be a host name, as app.example.com or *.example.com';
  if (text === '') return wrong('is empty; it must be a host name, as app.example.com');
  if (text.length > MAX_NAME) return wrong(`must be at most ${MAX_NAME} characters long`);
  if (/[^\x00-\x7f]/.test(text)) {
    return wrong('must be ASCII; write an international name in its xn-- form');
  }
  const name = text.toLowerCase();
  if (name.startsWith('[') && name.endsWith(']')) {
    return isIpv6(name.slice(1, -1)) ? ok(name) : wrong(rule);
  }
  const labels = (name.startsWith('*.') ? name.slice(2) : name).split('.');
  if (labels.some((label) => label === '')) {
    return wrong(`${rule}; it has an empty part (two dots in a row, or one at an end)`);
  }
  return labels.every((label) => DNS_LABEL.test(label)) ? ok(name) : wrong(rule);
};

const isIpv6 = (text: string): boolean => !text.includes('%') && ipaddr.IPv6.isValid(text);
