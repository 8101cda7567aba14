/** Makes containers for tests: everything has a harmless default. */
import type { Container, PublishedPort } from '../model.ts';

/** `127.0.0.1:1234:80` or `[::1]:1234:80/udp` -> a published port. */
export function port(text: string): PublishedPort {
  const match = /^(?:(\[[^\]]+\]|[\d.]+):)?(\d+):(\d+)(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (!match) throw new RangeError(`not a port mapping: ${text}`);
  const protocol = match[4];
  return {
    hostAddress: (match[1] ?? '0.0.0.0').replaceAll(/[[\]]/g, ''),
    hostPort: Number(match[2]),
    containerPort: Number(match[3]),
    protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp',
  };
}

export function container(
  name: string,
  {
    ports = [],
    ...rest
  }: Partial<Omit<Container, 'published'>> & { readonly ports?: readonly string[] } = {},
): Container {
  return {
    id: `id-${name}`,
    name,
    image: 'lab/web:1',
    createdAt: 1_700_000_000,
    state: 'running',
    health: 'none',
    labels: { 'portcullis.enable': 'true' },
    networkMode: 'bridge',
    published: ports.map(port),
    portBindings: [],
    exposed: [],
    endpoints: [],
    ...rest,
  };
}
