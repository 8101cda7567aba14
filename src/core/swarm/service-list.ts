/** The list of services as it goes from a manager to the workers, and as it is kept in a file. */
import type { ServicePort, SwarmService } from '../docker/from-service.ts';
import { ipProtocol, MAX_PORT } from '../docker/ports.ts';
import {
  countField,
  listField,
  objectAt,
  ShapeError,
  textField,
  textMapField,
} from '../docker/reader.ts';

/** Of the labels only these leave a manager: others may hold anything, secrets too. */
export function slimService(service: SwarmService, prefix: string): SwarmService {
  const ours = Object.entries(service.labels).filter(
    ([key]) => key.startsWith(`${prefix}.`) || key === 'com.docker.stack.namespace',
  );
  return { ...service, labels: Object.fromEntries(ours) };
}

/** What changed since a version; `full`: everything there is. */
export type ServiceChanges = {
  readonly version: string;
  readonly full: boolean;
  readonly changed: readonly SwarmService[];
  /** Ids. */
  readonly gone: readonly string[];
};

/** @throws {ShapeError} naming the field */
export function servicesFromJson(value: unknown): readonly SwarmService[] {
  if (!Array.isArray(value)) throw new ShapeError('the services must be a list');
  return value.map((each: unknown, index): SwarmService => {
    const place = `service ${index} of the list`;
    const from = objectAt(each, place);
    return {
      id: textField(from, 'id', place),
      name: textField(from, 'name', place),
      createdAt: countField(from, 'createdAt', place, Number.MAX_SAFE_INTEGER),
      labels: textMapField(from, 'labels', place),
      ports: listField(from, 'ports', place).map((port) => portFromJson(port, place)),
    };
  });
}

function portFromJson(value: unknown, place: string): ServicePort {
  const port = objectAt(value, place);
  const mode = textField(port, 'mode', place);
  if (mode !== 'ingress' && mode !== 'host') throw new ShapeError(`${place}: mode is not known`);
  return {
    protocol: ipProtocol(textField(port, 'protocol', place), place),
    publishedPort: countField(port, 'publishedPort', place, MAX_PORT),
    targetPort: countField(port, 'targetPort', place, MAX_PORT),
    mode,
  };
}

/** @throws {ShapeError} naming the field */
export function changesFromJson(value: unknown): ServiceChanges {
  const place = 'the list of services';
  const from = objectAt(value, place);
  return {
    version: textField(from, 'version', place),
    full: from['full'] === true,
    changed: servicesFromJson(from['changed']),
    gone: listField(from, 'gone', place).map(String),
  };
}
