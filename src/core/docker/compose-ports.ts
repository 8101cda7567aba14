import type { ContainerPort, PublishedPort } from '../model.ts';
import { hostAddresses, ipProtocol, MAX_PORT } from './ports.ts';
import { isObject, optionalText, ShapeError } from './reader.ts';

export type ComposePorts = {
  /** Only ports whose number the file fixes. */
  readonly published: readonly PublishedPort[];
  readonly exposed: readonly ContainerPort[];
};

/** One item of a service's `ports`, in the long form (`{target, published, …}`) or the short one (`127.0.0.1:8080:80/tcp`). */
export function composePorts(item: unknown, place: string): ComposePorts {
  if (typeof item === 'string' || typeof item === 'number') return shortForm(String(item), place);
  if (!isObject(item)) throw new ShapeError(`${place} must be text or an object`);
  return expand({
    hostAddress: optionalText(item, 'host_ip', place),
    published: portText(item['published'], `${place}: published`),
    target: portText(item['target'], `${place}: target`),
    protocol: optionalText(item, 'protocol', place) || 'tcp',
    place,
  });
}

// [address:][published:]target[/protocol], an IPv6 address in brackets
const SHORT =
  /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):)??(?:(\d*(?:-\d+)?):)?(\d+(?:-\d+)?)(?:\/(\w+))?$/;

function shortForm(text: string, place: string): ComposePorts {
  const match = SHORT.exec(text);
  if (!match) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new ShapeError(`${place}: ${shown} is not a port, as 127.0.0.1:8080:80/tcp`);
  }
  const [, ipv6, ipv4, published = '', target = '', protocol = 'tcp'] = match;
  return expand({ hostAddress: ipv6 ?? ipv4 ?? '', published, target, protocol, place });
}

type WrittenPort = {
  readonly hostAddress: string;
  /** `8080`, `8080-8082`, or '' where Docker chooses. */
  readonly published: string;
  readonly target: string;
  readonly protocol: string;
  readonly place: string;
};

function expand({ hostAddress, published, target, protocol, place }: WrittenPort): ComposePorts {
  const containerPorts = range(target, `${place}: target`);
  const hostPorts = published === '' ? [] : range(published, `${place}: published`);
  // A host range of another length leaves the choice to Docker.
  const fixed = hostPorts.length === containerPorts.length && !hostPorts.includes(0);
  const name = ipProtocol(protocol, place);
  const exposed = containerPorts.map((containerPort) => ({ containerPort, protocol: name }));
  const bound = exposed.flatMap((port, index) =>
    hostAddresses(hostAddress, place).map((address) => ({
      hostAddress: address,
      hostPort: hostPorts[index] ?? 0,
      ...port,
    })),
  );
  return { published: fixed ? bound : [], exposed };
}

/** `8000-8002` -> 8000, 8001, 8002. */
function range(text: string, place: string): readonly number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > last || last > MAX_PORT) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new ShapeError(`${place} must be a port or a range of ports, but is ${shown}`);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function portText(value: unknown, place: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new ShapeError(`${place} must be a port or a range of ports`);
}
