/** Stands between a client and the real engine, and spoils the answer to the list call. */
import { createServer, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';

export type ListFault = 'error' | 'cut' | 'garbage' | 'empty-body';

export type FaultyDocker = {
  readonly url: string;
  listFault: ListFault | undefined;
  close(): Promise<void>;
};

export async function startFaultyDocker(
  folder: string,
  engineSocket: string,
): Promise<FaultyDocker> {
  const socketPath = join(folder, 'faulty.sock');
  const faulty = { listFault: undefined as ListFault | undefined };
  const server = createServer((incoming, outgoing) => {
    if (faulty.listFault !== undefined && incoming.url?.includes('/containers/json')) {
      spoil(outgoing, faulty.listFault);
      return;
    }
    const onward = request(
      {
        socketPath: engineSocket,
        path: incoming.url,
        method: incoming.method,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return Object.assign(faulty, {
    url: `unix://${socketPath}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function spoil(outgoing: ServerResponse, fault: ListFault): void {
  if (fault === 'error') {
    outgoing.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"spoiled"}');
  } else if (fault === 'cut') {
    outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    outgoing.write('[{"Id":"x","Names":["/x"]');
    setTimeout(() => outgoing.destroy(), 20);
  } else {
    outgoing.writeHead(200, { 'content-type': 'application/json' });
    outgoing.end(fault === 'garbage' ? '[{"Id":' : '');
  }
}
