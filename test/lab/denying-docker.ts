/** Stands between a client and the real engine, and lets through the calls that are documented. */
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { engineCallOf, type EngineCall } from '../../src/core/docker/engine-calls.ts';

export type DenyingDocker = {
  readonly url: string;
  readonly socket: string;
  /** What was refused, as `GET /images/json`. */
  readonly denied: readonly string[];
  readonly used: ReadonlySet<EngineCall>;
  close(): Promise<void>;
};

export async function startDenyingDocker(
  folder: string,
  engineSocket: string,
): Promise<DenyingDocker> {
  const socket = join(folder, 'denying.sock');
  const denied: string[] = [];
  const used = new Set<EngineCall>();
  const server = createServer((asked, answer) => {
    const { method = '', url: path = '', headers } = asked;
    const call = engineCallOf(method, path);
    if (!call) {
      denied.push(`${method} ${path}`);
      answer.writeHead(403).end();
      return;
    }
    used.add(call);
    const onward = request({ socketPath: engineSocket, path, method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    // Whole: Docker may answer and hang up before it has read everything.
    void buffer(asked).then((body) => onward.end(body));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    url: `unix://${socket}`,
    socket,
    denied,
    used,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
