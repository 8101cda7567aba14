/** Names of files, upstreams and zones, made from hosts: stable, legal; upstreams of no two hosts are alike. */

const MAX_FILE_STEM = 200;

/** `*`, `[`, `]` and `:` mean something to Nginx's include and proxy_pass, so they become characters that no host name has. */
const plainHost = (host: string): string =>
  host.replaceAll('*', '+').replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', '=');

/** A host as part of a file name. */
export function hostStem(host: string): string {
  const plain = plainHost(host);
  return plain.length <= MAX_FILE_STEM
    ? plain
    : `${plain.slice(0, MAX_FILE_STEM)}+${checksum(plain)}`;
}

/**
 * Never cut: hosts whose cut names are alike are easily made, and Nginx refuses two upstreams of one name.
 *
 * @param index of a route, or `auth<number>` of a forward-auth endpoint
 */
export const upstreamName = (host: string, index: number | `auth${number}`): string =>
  `portcullis_${plainHost(host)}_${index}`;

/** FNV-1a, 32 bits, as 8 hexadecimal digits: tells cut names apart, guards nothing: whoever wants two alike finds them. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
