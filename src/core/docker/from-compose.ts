import type { Container, ContainerPort, Network, Snapshot } from '../model.ts';
import { compatEnvironment } from '../compat/nginx-proxy.ts';
import { composePorts } from './compose-ports.ts';
import { containerPort, sortExposed, sortPublished } from './ports.ts';
import {
  isObject,
  listField,
  objectAt,
  objectField,
  optionalFlag,
  optionalText,
  ShapeError,
  textMapField,
  type JsonObject,
} from './reader.ts';

/**
 * What `docker compose config --format json` says, as containers that would run. Host ports that
 * Docker is to choose are not known and left out.
 *
 * @throws {ShapeError} naming the service and the field
 */
export function snapshotFromCompose(json: unknown): Snapshot {
  const file = objectAt(json, 'the Compose configuration');
  const project = optionalText(file, 'name', 'the Compose configuration');
  if (project === '') {
    throw new ShapeError(
      'the Compose configuration has no "name"; write it with: docker compose config --format json',
    );
  }
  const networks = Object.entries(objectField(file, 'networks', 'the Compose configuration')).map(
    ([key, value]) => composeNetwork(value, { key, project }),
  );
  const services = Object.entries(objectField(file, 'services', 'the Compose configuration'));
  const containers = services.flatMap(([service, value]) =>
    composeContainers(objectAt(value, `service ${service}`), { service, project, networks }),
  );
  return { containers, networks: networks.map(({ network }) => network) };
}

type NamedNetwork = { readonly key: string; readonly network: Network };
type Scope = {
  readonly service: string;
  readonly project: string;
  readonly networks: readonly NamedNetwork[];
};

function composeContainers(from: JsonObject, scope: Scope): readonly Container[] {
  const { service, project } = scope;
  const place = `service ${service}`;
  const replicas = replicaCount(from, place);
  const ports = listField(from, 'ports', place).map((item, index) =>
    composePorts(item, `${place}: ports[${index}]`),
  );
  const published = sortPublished(ports.flatMap((port) => port.published));
  const exposed = sortExposed([...ports.flatMap((port) => port.exposed), ...expose(from, place)]);
  const networkMode = optionalText(from, 'network_mode', place);
  const labels = composeMap(from, 'labels', place);
  const environment = compatEnvironment(
    Object.entries(composeMap(from, 'environment', place)).map(([key, value]) => `${key}=${value}`),
  );
  const endpoints = serviceNetworks(from, scope);
  const onHost = networkMode === 'host';
  return Array.from({ length: replicas }, (_, index): Container => {
    const number = String(index + 1);
    const name = optionalText(from, 'container_name', place) || `${project}-${service}-${number}`;
    return {
      id: name,
      name,
      image: optionalText(from, 'image', place),
      createdAt: 0,
      state: 'running',
      health: hasHealthCheck(from, place) ? 'healthy' : 'none',
      labels: {
        ...labels,
        'com.docker.compose.project': project,
        'com.docker.compose.service': service,
        'com.docker.compose.container-number': number,
        'com.docker.compose.oneoff': 'False',
      },
      ...environment,
      networkMode: networkMode || (endpoints[0]?.network ?? 'default'),
      // A fixed host port can be held by one replica only.
      published: index === 0 && !onHost ? published : [],
      portBindings: index === 0 && !onHost ? published : [],
      exposed,
      endpoints,
    };
  });
}

function replicaCount(from: JsonObject, place: string): number {
  const count = from['scale'] ?? objectField(from, 'deploy', place)['replicas'] ?? 1;
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= 1000) {
    return count;
  }
  throw new ShapeError(`${place}: the number of replicas must be from 0 to 1000`);
}

function expose(from: JsonObject, place: string): readonly ContainerPort[] {
  return listField(from, 'expose', place).flatMap((value): readonly ContainerPort[] => {
    const text = String(value);
    if (/^\d+-\d+/.test(text)) return composePorts(text, `${place}: expose`).exposed;
    const port = containerPort(text);
    if (port !== undefined) return [port];
    throw new ShapeError(
      `${place}: expose: ${JSON.stringify(text.slice(0, 80))} is not a container port, as 80/tcp`,
    );
  });
}

/** A list of `key=value`, or a map whose values may be numbers. `config` writes `$` as `$$`. */
function composeMap(
  from: JsonObject,
  field: 'labels' | 'environment',
  place: string,
): Readonly<Record<string, string>> {
  const written = from[field];
  const pairs = Array.isArray(written)
    ? written.map((item: unknown) => textPair(item, `${place}: ${field}`))
    : Object.entries(objectField(from, field, place)).map(
        ([key, value]) =>
          [key, scalarText(value, `${place}: ${field}[${JSON.stringify(key)}]`)] as const,
      );
  return Object.fromEntries(
    pairs.map(([key, value]) => [key.replaceAll('$$', '$'), value.replaceAll('$$', '$')]),
  );
}

function textPair(item: unknown, place: string): readonly [string, string] {
  if (typeof item !== 'string') throw new ShapeError(`${place} must be a list of text`);
  const at = item.indexOf('=');
  return at === -1 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)];
}

function scalarText(value: unknown, place: string): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new ShapeError(`${place} must be text`);
}

function hasHealthCheck(from: JsonObject, place: string): boolean {
  const check = objectField(from, 'healthcheck', place);
  if (optionalFlag(check, 'disable', `${place}: healthcheck`)) return false;
  const test = check['test'];
  return test !== undefined && !(Array.isArray(test) && test[0] === 'NONE');
}

function serviceNetworks(from: JsonObject, { service, project, networks }: Scope) {
  if (optionalText(from, 'network_mode', `service ${service}`) !== '') return [];
  const written = from['networks'];
  const keys = Array.isArray(written)
    ? written.map(String)
    : Object.keys(isObject(written) ? written : { default: null });
  return keys.toSorted().map((key) => {
    const name = networks.find((each) => each.key === key)?.network.name ?? `${project}_${key}`;
    return { network: name, networkId: name };
  });
}

function composeNetwork(value: unknown, { key, project }: { key: string; project: string }) {
  const place = `network ${key}`;
  const from = objectAt(value ?? {}, place);
  const name = optionalText(from, 'name', place) || `${project}_${key}`;
  const options = textMapField(from, 'driver_opts', place);
  const bridge = Object.hasOwn(options, 'com.docker.network.bridge.name')
    ? options['com.docker.network.bridge.name']
    : undefined;
  const ipam = objectField(from, 'ipam', place);
  const network: Network = {
    id: name,
    name,
    driver: optionalText(from, 'driver', place) || 'bridge',
    ...(bridge !== undefined && { bridge }),
    subnets: listField(ipam, 'config', `${place}: ipam`).flatMap((config) => {
      const subnet = optionalText(objectAt(config, `${place}: ipam`), 'subnet', `${place}: ipam`);
      return subnet === '' ? [] : [subnet];
    }),
    internal: optionalFlag(from, 'internal', place),
    ingress: false,
    options,
  };
  return { key, network };
}
