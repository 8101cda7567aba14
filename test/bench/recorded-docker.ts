/** An Engine API with many containers, played from values: a thousand real ones do not fit a small machine. */
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';

export type PlayedDocker = {
  readonly url: string;
  /** Calls by path, without ids. */
  readonly calls: Map<string, number>;
  /** Adds one container and sends its `start` event; gives the moment the event was written. */
  start(port: number): number;
  close(): Promise<void>;
};

type Played = { readonly id: string; readonly name: string; readonly port: number };

export async function playDocker(socketPath: string, count: number): Promise<PlayedDocker> {
  const containers = new Map<string, Played>();
  const add = (port: number): Played => {
    const id = createHash('sha256').update(String(port)).digest('hex');
    const played = { id, name: `process_${port}`, port };
    containers.set(id, played);
    return played;
  };
  for (let index = 0; index < count; index++) add(10_000 + index);
  const calls = new Map<string, number>();
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').split('?')[0] ?? '';
    const kind = path.replace(/[0-9a-f]{64}/, 'ID');
    calls.set(kind, (calls.get(kind) ?? 0) + 1);
    response.setHeader('content-type', 'application/json');
    if (path === '/events') {
      response.flushHeaders();
      streams.add(response);
      response.on('close', () => streams.delete(response));
      return;
    }
    if (path === '/containers/json') {
      response.end(JSON.stringify([...containers.values()].map(listed)));
      return;
    }
    if (path === '/networks') {
      response.end('[]');
      return;
    }
    const one = containers.get(/^\/containers\/([0-9a-f]{64})\/json$/.exec(path)?.[1] ?? '');
    response.statusCode = one ? 200 : 404;
    response.end(JSON.stringify(one ? inspected(one) : { message: 'no such container' }));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    url: `unix://${socketPath}`,
    calls,
    start(port) {
      const { id, name } = add(port);
      const at = performance.timeOrigin + performance.now();
      const attributes = { ...LABELS, name };
      const event = {
        Type: 'container',
        Action: 'start',
        Actor: { ID: id, Attributes: attributes },
        timeNano: Date.now() * 1e6,
      };
      for (const stream of streams) stream.write(`${JSON.stringify(event)}\n`);
      return at;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const LABELS = { 'portcullis.enable': 'true' };

const listed = ({ id, name, port }: Played): unknown => ({
  Id: id,
  Names: [`/${name}`],
  Image: 'lab/web:1',
  Created: 1_700_000_000,
  Ports: [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: port, Type: 'tcp' }],
  Labels: LABELS,
  State: 'running',
  Status: 'Up 3 seconds',
  HostConfig: { NetworkMode: 'default' },
  NetworkSettings: { Networks: {} },
});

const inspected = ({ id, name, port }: Played): unknown => ({
  Id: id,
  Name: `/${name}`,
  Created: '2023-11-14T22:13:20.000000000Z',
  State: { Status: 'running', Running: true },
  Image: 'sha256:0',
  Config: { Image: 'lab/web:1', Labels: LABELS },
  HostConfig: {
    NetworkMode: 'default',
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
  },
  NetworkSettings: {
    Ports: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
    Networks: {},
  },
});
