import type { Container, Network } from '../model.ts';
import { snapshotFromCompose } from './from-compose.ts';
import { containerFromInspect } from './from-inspect.ts';
import { containerFromList } from './from-list.ts';
import { networkFromApi } from './from-network.ts';
import { isObject, ShapeError } from './reader.ts';

export type InputShape = 'list' | 'inspect' | 'compose';

export type ReadContainers = {
  readonly shape: InputShape;
  readonly containers: readonly Container[];
  /** Empty where the input tells of none. */
  readonly networks: readonly Network[];
};

const EXPECTED =
  'it must be a docker inspect array, a GET /containers/json array, or docker compose config --format json';

/**
 * Reads containers from any of the three shapes. An empty array means no containers. A `docker
 * inspect` array may hold networks too.
 *
 * @throws {ShapeError} for anything else, and for a field of the wrong type
 */
export function readContainers(json: unknown): ReadContainers {
  if (Array.isArray(json)) return fromArray(json);
  if (isObject(json)) {
    if (isObject(json['services'])) return { shape: 'compose', ...snapshotFromCompose(json) };
    if (isInspect(json)) return fromArray([json]);
    if (typeof json['ID'] === 'string' && typeof json['Names'] === 'string') {
      throw new ShapeError(
        'this is what docker ps prints, which lacks the labels as they are; use docker inspect $(docker ps -q)',
      );
    }
  }
  throw new ShapeError(`this is not a description of containers: ${EXPECTED}`);
}

function fromArray(entries: readonly unknown[]): ReadContainers {
  if (entries.some((entry) => isInspect(entry) || isNetwork(entry))) {
    return {
      shape: 'inspect',
      containers: entries.flatMap((entry, index) =>
        isNetwork(entry) ? [] : [containerFromInspect(checked(entry, index, isInspect), index)],
      ),
      networks: entries.flatMap((entry, index) =>
        isNetwork(entry) ? [networkFromApi(entry, index)] : [],
      ),
    };
  }
  const containers = entries.map((entry, index) =>
    containerFromList(checked(entry, index, isListed), index),
  );
  return { shape: 'list', containers, networks: [] };
}

function checked(entry: unknown, index: number, is: (entry: unknown) => boolean): unknown {
  if (is(entry)) return entry;
  throw new ShapeError(`element ${index} of the array does not describe a container: ${EXPECTED}`);
}

const isInspect = (entry: unknown): boolean =>
  isObject(entry) && isObject(entry['Config']) && isObject(entry['State']);
const isNetwork = (entry: unknown): boolean =>
  isObject(entry) && isObject(entry['IPAM']) && typeof entry['Driver'] === 'string';
const isListed = (entry: unknown): boolean =>
  isObject(entry) && Array.isArray(entry['Names']) && !isObject(entry['State']);
