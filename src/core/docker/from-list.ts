import type { Container, ContainerPort, Health, PublishedPort } from '../model.ts';
import { containerState, endpoints, health, inUse } from './container-fields.ts';
import {
  hostAddresses,
  ipProtocol,
  knownProtocol,
  MAX_PORT,
  sortExposed,
  sortPublished,
} from './ports.ts';
import {
  countField,
  isObject,
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
 * One entry of `GET /containers/json`. The list does not know `portBindings`: they are empty here.
 *
 * @param index place of the entry in the list, for errors of an entry without a name
 * @throws {ShapeError} naming the container and the field
 */
export function containerFromList(entry: unknown, index: number): Container {
  const from = objectAt(entry, `container ${index} of the list`);
  const id = textField(from, 'Id', `container ${index} of the list`);
  const name = containerName(from, id);
  const place = `container ${name}`;
  const { published, exposed } = ports(from, place);
  const state = containerState(textField(from, 'State', place), place);
  return {
    id,
    name,
    image: optionalText(from, 'Image', place),
    createdAt: countField(from, 'Created', place, Number.MAX_SAFE_INTEGER),
    state,
    health: listedHealth(from, place),
    labels: textMapField(from, 'Labels', place),
    networkMode: optionalText(objectField(from, 'HostConfig', place), 'NetworkMode', place),
    ...inUse({ state, published, endpoints: endpoints(from, place) }),
    portBindings: [],
    exposed,
  };
}

/** Of `/web` and `/proxy/link-to-web` the first: the others are what `--link` calls it. */
function containerName(from: JsonObject, id: string): string {
  const place = `container ${id.slice(0, 12)}`;
  const names = listField(from, 'Names', place).map((name) => {
    if (typeof name === 'string') return name.replace(/^\//, '');
    throw new ShapeError(`${place}: Names must be a list of text`);
  });
  return names.find((name) => !name.includes('/')) ?? names[0] ?? id.slice(0, 12);
}

/** Engines before API 1.52 tell the health only in `Status`, as `Up 5 minutes (healthy)`. */
function listedHealth(from: JsonObject, place: string): Health {
  if (isObject(from['Health'])) return health(optionalText(from['Health'], 'Status', place));
  const status = optionalText(from, 'Status', place);
  const match = /\((?:(healthy|unhealthy)|health: (starting))\)$/.exec(status);
  return health(match?.[1] ?? match?.[2] ?? '');
}

function ports(from: JsonObject, place: string): Pick<Container, 'published' | 'exposed'> {
  const published: PublishedPort[] = [];
  const exposed: ContainerPort[] = [];
  for (const [index, value] of listField(from, 'Ports', place).entries()) {
    const portPlace = `${place}: Ports[${index}]`;
    const port = objectAt(value, portPlace);
    const containerPort = countField(port, 'PrivatePort', portPlace, MAX_PORT);
    const type = optionalText(port, 'Type', portPlace) || 'tcp';
    if (port['PublicPort'] === undefined || port['PublicPort'] === 0) {
      // Exposed only, which may be any text: see `containerPort`.
      const protocol = knownProtocol(type);
      if (containerPort > 0 && protocol !== undefined) exposed.push({ containerPort, protocol });
      continue;
    }
    const protocol = ipProtocol(type, portPlace);
    exposed.push({ containerPort, protocol });
    const hostPort = countField(port, 'PublicPort', portPlace, MAX_PORT);
    for (const hostAddress of hostAddresses(optionalText(port, 'IP', portPlace), portPlace)) {
      published.push({ hostAddress, hostPort, containerPort, protocol });
    }
  }
  return { published: sortPublished(published), exposed: sortExposed(exposed) };
}
