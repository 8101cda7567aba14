import type { Container, ContainerPort, PublishedPort } from '../model.ts';
import { compatEnvironment } from '../compat/nginx-proxy.ts';
import { containerState, createdSeconds, endpoints, health, inUse } from './container-fields.ts';
import {
  containerPort,
  EVERY_ADDRESS,
  hostAddresses,
  isAddress,
  MAX_PORT,
  sortExposed,
  sortPublished,
} from './ports.ts';
import {
  listField,
  objectAt,
  objectField,
  optionalText,
  ShapeError,
  textField,
  textMapField,
  type JsonObject,
} from './reader.ts';

/**
 * The answer to `GET /containers/<id>/json`, or one element of what `docker inspect` prints.
 *
 * @param index place of the element, for errors of one without an id
 * @throws {ShapeError} naming the container and the field
 */
export function containerFromInspect(answer: unknown, index = 0): Container {
  const from = objectAt(answer, `container ${index}`);
  const id = textField(from, 'Id', `container ${index}`);
  const name =
    optionalText(from, 'Name', `container ${id.slice(0, 12)}`).replace(/^\//, '') ||
    id.slice(0, 12);
  const place = `container ${name}`;
  const config = objectField(from, 'Config', place);
  const hostConfig = objectField(from, 'HostConfig', place);
  const stateField = objectField(from, 'State', place);
  const state = containerState(textField(stateField, 'Status', place), place);
  const network = objectField(from, 'NetworkSettings', place);
  const published = portMap(network, { key: 'Ports', place });
  const portBindings = portMap(hostConfig, { key: 'PortBindings', place, asked: true });
  const exposed = portKeys(config, { key: 'ExposedPorts', place });
  return {
    id,
    name,
    image: optionalText(config, 'Image', place),
    createdAt: createdSeconds(textField(from, 'Created', place), place),
    state,
    health: isUnchecked(config, place)
      ? 'none'
      : health(optionalText(objectField(stateField, 'Health', place), 'Status', place)),
    labels: textMapField(config, 'Labels', place),
    ...compatEnvironment(
      listField(config, 'Env', place).filter((line) => typeof line === 'string'),
    ),
    networkMode: optionalText(hostConfig, 'NetworkMode', place),
    ...inUse({
      ...{ state, published: sortPublished(published.bound) },
      endpoints: endpoints(from, place),
    }),
    portBindings: sortPublished(portBindings.bound),
    exposed: sortExposed([...exposed, ...published.keys, ...portBindings.keys]),
  };
}

/** Was the health check switched off? Podman has a word for the health of such a container all the same. */
const isUnchecked = (config: JsonObject, place: string): boolean =>
  listField(objectField(config, 'Healthcheck', place), 'Test', place)[0] === 'NONE';

type Where = {
  readonly key: string;
  readonly place: string;
  /** What was asked for, not what Docker made of it: it may be any text, and guards the port all the same. */
  readonly asked?: true;
};

function portKeys(from: JsonObject, { key, place }: Where): readonly ContainerPort[] {
  return Object.keys(objectField(from, key, place)).flatMap((port) => containerPort(port) ?? []);
}

type PortMap = {
  readonly keys: readonly ContainerPort[];
  readonly bound: readonly PublishedPort[];
};

/** Reads `{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "443/tcp": null}`. */
function portMap(from: JsonObject, where: Where): PortMap {
  const { key, place, asked } = where;
  const map = objectField(from, key, place);
  const bound = Object.keys(map).flatMap((name): readonly PublishedPort[] => {
    const port = containerPort(name);
    if (port === undefined) return [];
    const bindingsPlace = `${place}: ${key}[${JSON.stringify(name)}]`;
    return listField(map, name, `${place}: ${key}`).flatMap((value) => {
      const binding = objectAt(value, bindingsPlace);
      const portText = optionalText(binding, 'HostPort', bindingsPlace);
      const ipText = optionalText(binding, 'HostIp', bindingsPlace);
      const hostPort = asked ? askedPort(portText) : boundPort(portText, bindingsPlace);
      const addresses =
        asked && !isAddress(ipText) ? EVERY_ADDRESS : hostAddresses(ipText, bindingsPlace);
      return addresses.map((hostAddress) => ({ hostAddress, hostPort, ...port }));
    });
  });
  return { keys: portKeys(from, where), bound };
}

/** 0 where Docker is still to choose: no port, or a range of them. */
function boundPort(text: string, place: string): number {
  if (text === '' || /^\d+-\d+$/.test(text)) return 0;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= MAX_PORT) return port;
  throw new ShapeError(`${place}: HostPort must be a port, but is ${JSON.stringify(text)}`);
}

/** Docker takes `8080/tcp` as well. */
function askedPort(text: string): number {
  const port = Number(/^(\d{1,5})(?:\/\w+)?$/.exec(text)?.[1]);
  return port <= MAX_PORT ? port : 0;
}
