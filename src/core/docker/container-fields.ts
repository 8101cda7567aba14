/** Fields that the list and the inspect answer spell alike. */
import type { Container, ContainerState, Endpoint, Health } from '../model.ts';
import { compareText, ipAddress, isUnset } from './ports.ts';
import { objectAt, objectField, optionalText, ShapeError, type JsonObject } from './reader.ts';

const STATES: Readonly<Record<string, ContainerState>> = {
  created: 'created',
  running: 'running',
  paused: 'paused',
  restarting: 'restarting',
  removing: 'removing',
  exited: 'exited',
  dead: 'dead',
  // Podman's words
  configured: 'created',
  initialized: 'created',
  stopping: 'running',
  stopped: 'exited',
};

export function containerState(text: string, place: string): ContainerState {
  const state = Object.hasOwn(STATES, text) ? STATES[text] : undefined;
  if (state) return state;
  const shown = JSON.stringify(text.slice(0, 80));
  throw new ShapeError(`${place}: ${shown} is not a known container state`);
}

/** A time as inspect answers have it -> seconds since 1970. */
export function createdSeconds(text: string, place: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return Math.floor(ms / 1000);
  throw new ShapeError(`${place}: Created must be a time, but is ${JSON.stringify(text)}`);
}

/**
 * `''` and `none` are what Docker says of a container without a health check. Podman has more words, as
 * `reset`: not healthy yet is what they come to, and one container's are no reason to refuse a whole list.
 */
export function health(text: string): Health {
  if (text === '' || text === 'none') return 'none';
  return text === 'healthy' || text === 'unhealthy' ? text : 'starting';
}

const NOT_RUNNING: readonly ContainerState[] = ['created', 'exited', 'dead'];

/** Lists of Docker 20.10 and answers of Podman go on telling ports and addresses of one that does not run. */
export function inUse({
  state,
  published,
  endpoints: all,
}: Pick<Container, 'state' | 'published' | 'endpoints'>): Pick<
  Container,
  'published' | 'endpoints'
> {
  if (!NOT_RUNNING.includes(state)) return { published, endpoints: all };
  return {
    published: [],
    endpoints: all.map(({ network, networkId }) => ({ network, networkId })),
  };
}

/** Reads `NetworkSettings.Networks`, sorted by name. */
export function endpoints(container: JsonObject, place: string): readonly Endpoint[] {
  const settings = objectField(container, 'NetworkSettings', place);
  const networks = objectField(settings, 'Networks', place);
  return Object.entries(networks)
    .map(([network, value]): Endpoint => {
      const endpointPlace = `${place}: network ${JSON.stringify(network)}`;
      const endpoint = objectAt(value ?? {}, endpointPlace);
      const ipv4 = optionalText(endpoint, 'IPAddress', endpointPlace);
      const ipv6 = optionalText(endpoint, 'GlobalIPv6Address', endpointPlace);
      return {
        network,
        networkId: optionalText(endpoint, 'NetworkID', endpointPlace),
        ...(!isUnset(ipv4) && { ipv4: ipAddress(ipv4, endpointPlace) }),
        ...(!isUnset(ipv6) && { ipv6: ipAddress(ipv6, endpointPlace) }),
      };
    })
    .toSorted((a, b) => compareText(a.network, b.network));
}
