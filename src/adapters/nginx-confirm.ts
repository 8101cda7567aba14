import { request, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** The name that only the index's own server block answers to. */
const HOST = 'generation.portcullis.invalid';

/** Where this machine's Nginx listens for us. */
export type OwnListen = { readonly port: number; readonly proxyProtocol: boolean };

/** Options of a request to it. With the PROXY protocol, a header that names no address comes first. */
export const toOwnNginx = ({ port, proxyProtocol }: OwnListen): RequestOptions => ({
  host: '127.0.0.1',
  port,
  // An agent would make the connection itself.
  ...(!proxyProtocol && { agent: false }),
  ...(proxyProtocol && {
    createConnection() {
      const socket = connect({ host: '127.0.0.1', port });
      socket.write('PROXY UNKNOWN\r\n');
      return socket;
    },
  }),
});

/** Id of the generation that a worker on this machine serves; undefined when none answers. */
export function servedGeneration(at: OwnListen): Promise<string | undefined> {
  return new Promise((resolve) => {
    const query = request(
      { ...toOwnNginx(at), headers: { host: HOST }, timeout: 2_000 },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => {
          resolve(response.statusCode === 200 && /^[0-9a-f]{16}$/.test(body) ? body : undefined);
        });
        response.on('error', () => resolve(undefined));
      },
    );
    query.on('timeout', () => query.destroy());
    query.on('error', () => resolve(undefined));
    query.end();
  });
}

/** Asks until `condition` holds; false when it never did within `timeoutMs`. */
export async function waitFor(
  condition: () => Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let step = 2; performance.now() < deadline; step = Math.min(step * 1.5, 50)) {
    if (await condition()) return true;
    await delay(step);
  }
  return false;
}
