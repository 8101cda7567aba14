import type { Health } from '../model.ts';
import { health } from './container-fields.ts';
import {
  countField,
  objectAt,
  objectField,
  optionalText,
  textField,
  textMapField,
} from './reader.ts';

/** `service` and `node` are told to the managers of a Swarm only. */
export const EVENT_KINDS = ['container', 'network', 'daemon', 'service', 'node'] as const;

export type DockerEvent = {
  readonly kind: (typeof EVENT_KINDS)[number];
  /** As Docker says it, without what follows a colon: `start`, `die`, `connect`, `health_status`, … */
  readonly action: string;
  /** Only for `health_status`. */
  readonly health?: Health;
  /** Of the container, network, daemon, service or node. */
  readonly id: string;
  readonly name: string;
  /** For a container its labels too; for `connect` and `disconnect` the container's id as `container`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since 1970 by the engine's clock, true to 256 ns. */
  readonly timeNano: number;
};

/**
 * One message of `GET /events`; undefined for a kind that is none of ours.
 *
 * @throws {ShapeError} naming the field
 */
export function eventFromApi(message: unknown): DockerEvent | undefined {
  const place = 'Docker event';
  const from = objectAt(message, place);
  const type = textField(from, 'Type', place);
  const kind = EVENT_KINDS.find((known) => known === type);
  if (kind === undefined) return undefined;
  const actor = objectField(from, 'Actor', place);
  const attributes = textMapField(actor, 'Attributes', place);
  const [said = '', rest = ''] = textField(from, 'Action', place).split(': ', 2);
  const action = kind === 'container' && said === 'remove' ? 'destroy' : said; // Podman's word
  return {
    kind,
    action,
    ...(action === 'health_status' && { health: health(rest) }),
    id: optionalText(actor, 'ID', place),
    name: (Object.hasOwn(attributes, 'name') ? attributes['name'] : undefined) ?? '',
    attributes,
    timeNano: countField(from, 'timeNano', place, Number.MAX_VALUE),
  };
}

/** INT, QUIT, KILL, TERM, WINCH and RTMIN+3: what images name as STOPSIGNAL. Others only tell a program something. */
const STOP_SIGNALS = new Set(['2', '3', '9', '15', '28', '37']);

/** Was a container told to stop? Docker says so before it ends: `die` comes later. */
export const willStop = ({ kind, action, attributes }: DockerEvent): boolean =>
  kind === 'container' && action === 'kill' && STOP_SIGNALS.has(attributes['signal'] ?? '');

/** Is it held still from now on? Its port takes connections all the same. */
export const isPaused = ({ kind, action }: DockerEvent): boolean =>
  kind === 'container' && action === 'pause';

/** Does a container run from now on? */
export const goesOn = ({ kind, action }: DockerEvent): boolean =>
  kind === 'container' && (action === 'start' || action === 'unpause');
