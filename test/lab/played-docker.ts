/** An Engine API with many containers, played from values: a thousand real ones do not fit a small machine. */
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';

export type PlayedDocker = {
  readonly url: string;
  /** Calls by path, without ids. */
  readonly calls: Map<string, number>;
  /** Adds one container and sends its `start` event; gives the moment the event was written. */
  start(port: number): number;
  /** Takes it away, with the events of a `docker rm -f`. */
  remove(port: number): void;
  close(): Promise<void>;
};

type Played = { readonly id: string; readonly name: string; readonly port: number };

/** How each container is published, and its labels; default: on 127.0.0.1, on no network, `portcullis.enable`. */
export type Playing = {
  readonly hostAddress?: string;
  readonly bridged?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
};

export async function playDocker(
  socketPath: string,
  count: number,
  { hostAddress = '127.0.0.1', bridged = false, labels = LABELS }: Playing = {},
): Promise<PlayedDocker> {
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
      const all = [...containers.values()];
      response.end(
        JSON.stringify(all.map((each) => listed(each, { hostAddress, bridged, labels }))),
      );
      return;
    }
    if (path === '/networks') {
      response.end(JSON.stringify(bridged ? [BRIDGE] : []));
      return;
    }
    if (path === '/version') {
      response.end(JSON.stringify({ Version: '20.10.24', ApiVersion: '1.41' }));
      return;
    }
    if (path === '/info') {
      const info = {
        ServerVersion: '20.10.24',
        OperatingSystem: 'Debian',
        CgroupDriver: 'systemd',
      };
      response.end(JSON.stringify(info));
      return;
    }
    const one = containers.get(/^\/containers\/([0-9a-f]{64})\/json$/.exec(path)?.[1] ?? '');
    response.statusCode = one ? 200 : 404;
    response.end(
      JSON.stringify(one ? inspected(one, { hostAddress, bridged, labels }) : NOT_THERE),
    );
  });
  const tell = (action: string, { id, name }: Pick<Played, 'id' | 'name'>): void => {
    const event = {
      Type: 'container',
      Action: action,
      Actor: { ID: id, Attributes: { ...labels, name } },
      timeNano: Date.now() * 1e6,
    };
    for (const stream of streams) stream.write(`${JSON.stringify(event)}\n`);
  };
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    url: `unix://${socketPath}`,
    calls,
    start(port) {
      const { id, name } = add(port);
      const at = performance.timeOrigin + performance.now();
      tell('start', { id, name });
      return at;
    },
    remove(port) {
      for (const each of [...containers.values()].filter((played) => played.port === port)) {
        containers.delete(each.id);
        for (const action of ['die', 'destroy']) tell(action, each);
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const LABELS = { 'portcullis.enable': 'true' };

/** Of the 500th and later ones the third byte grows. */
export const addressOf = (port: number): string =>
  `172.17.${1 + Math.floor((port - 10_000) / 250)}.${1 + ((port - 10_000) % 250)}`;

const BRIDGE = {
  Id: 'b'.repeat(64),
  Name: 'bridge',
  Driver: 'bridge',
  IPAM: { Config: [{ Subnet: '172.17.0.0/16' }] },
  Options: { 'com.docker.network.bridge.name': 'docker0' },
};

const listed = (
  { id, name, port }: Played,
  { hostAddress, bridged, labels }: Required<Playing>,
): unknown => ({
  Id: id,
  Names: [`/${name}`],
  Image: 'lab/web:1',
  Created: 1_700_000_000,
  Ports: [{ IP: hostAddress, PrivatePort: 80, PublicPort: port, Type: 'tcp' }],
  Labels: labels,
  State: 'running',
  Status: 'Up 3 seconds',
  HostConfig: { NetworkMode: 'default' },
  NetworkSettings: { Networks: networksOf(port, bridged) },
});

const NOT_THERE = { message: 'no such container' };

const networksOf = (port: number, bridged: boolean): unknown =>
  bridged ? { bridge: { NetworkID: BRIDGE.Id, IPAddress: addressOf(port) } } : {};

const inspected = (
  { id, name, port }: Played,
  { hostAddress, bridged, labels }: Required<Playing>,
): unknown => ({
  Id: id,
  Name: `/${name}`,
  Created: '2023-11-14T22:13:20.000000000Z',
  State: { Status: 'running', Running: true },
  Image: 'sha256:0',
  Config: { Image: 'lab/web:1', Labels: labels },
  HostConfig: {
    NetworkMode: 'default',
    PortBindings: { '80/tcp': [{ HostIp: hostAddress, HostPort: String(port) }] },
  },
  NetworkSettings: {
    Ports: { '80/tcp': [{ HostIp: hostAddress, HostPort: String(port) }] },
    Networks: networksOf(port, bridged),
  },
});
