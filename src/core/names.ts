/** Names of files, upstreams and zones, made from hosts: stable, legal, and no two hosts alike. */

const MAX_FILE_STEM = 200;

/**
 * A host as part of a file name or an upstream name. `*`, `[`, `]` and `:` mean something to Nginx's
 * include and proxy_pass, so they become characters that no host name has.
 */
export function hostStem(host: string): string {
  const plain = host
    .replaceAll('*', '+')
    .replaceAll('[', '(')
    .replaceAll(']', ')')
    .replaceAll(':', '=');
  return plain.length <= MAX_FILE_STEM
    ? plain
    : `${plain.slice(0, MAX_FILE_STEM)}+${checksum(plain)}`;
}

/** @param index of a route, or `auth<number>` of a forward-auth endpoint */
export const upstreamName = (host: string, index: number | `auth${number}`): string =>
  `portcullis_${hostStem(host)}_${index}`;

/** FNV-1a, 32 bits, as 8 hexadecimal digits: tells cut names apart, guards nothing. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
