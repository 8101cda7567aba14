import type { IncomingMessage } from 'node:http';
import { EVENT_KINDS, eventFromApi, type DockerEvent } from '../core/docker/event.ts';
import { ShapeError } from '../core/docker/reader.ts';
import { PortcullisError } from '../errors.ts';
import { dockerUnreachable, opening } from './docker-error.ts';
import { isPodman, type DockerHttp } from './docker-request.ts';

export type EventOptions = {
  /** Nanoseconds since 1970 by the engine's clock: also send what happened since then, if Docker still knows. */
  readonly sinceNano?: number;
  readonly signal: AbortSignal;
};

const CONTAINER_ACTIONS = [
  'create',
  'start',
  'die',
  'stop',
  'kill',
  'pause',
  'unpause',
  'rename',
  'health_status',
  'destroy',
  'update',
  'restart',
];
const NETWORK_ACTIONS = ['connect', 'disconnect', 'create', 'destroy'];
const DAEMON_ACTIONS = ['reload'];
const SWARM_ACTIONS = ['create', 'update', 'remove'];
/** Its words for `die`, `destroy` and the end of a health check. */
const PODMAN_ACTIONS = ['died', 'remove', 'exec_died'];
/** What is asked of `GET /events`. */
export const EVENT_FILTERS = {
  type: [...EVENT_KINDS],
  event: [
    ...new Set([
      ...CONTAINER_ACTIONS,
      ...NETWORK_ACTIONS,
      ...DAEMON_ACTIONS,
      ...SWARM_ACTIONS,
      ...PODMAN_ACTIONS,
    ]),
  ],
};

const MAX_LINE = 16 * 1024 * 1024;

export type EventStream = AsyncIterable<DockerEvent> & {
  /**
   * Resolves when Docker has confirmed the subscription. Docker confirms microseconds before it
   * listens, so a caller that must miss nothing passes `sinceNano` or takes a snapshot afterwards.
   */
  readonly ready: Promise<void>;
};

/**
 * Subscribes to Docker's events. Iterate once. The iteration ends quietly when the signal aborts, and
 * closes the connection when it is left.
 *
 * @throws {PortcullisError} from `ready` and from the iteration: `docker-unreachable` when the stream
 *   ends, however politely, and `docker-refused` for a line that is no event
 */
export function openEvents(
  http: DockerHttp,
  { sinceNano, signal, limitMs }: EventOptions & { readonly limitMs: number },
): EventStream {
  const opened = http.stream({
    path: '/events',
    query: {
      filters: EVENT_FILTERS,
      ...(sinceNano !== undefined && { since: seconds(sinceNano) }),
    },
    signal,
    limitMs,
  });
  const ready = opened.then((answer) => {
    answer.socket.setKeepAlive(true, 15_000); // finds a vanished host on tcp://; no effect on a socket file
  });
  ready.catch(() => {}); // the iteration tells it too
  return {
    ready,
    [Symbol.asyncIterator]: () => readEvents(opened, { url: http.url, signal }),
  };
}

type Source = { readonly url: string; readonly signal: AbortSignal };

async function* readEvents(
  opened: Promise<IncomingMessage>,
  { url, signal }: Source,
): AsyncGenerator<DockerEvent, void, undefined> {
  let rest = '';
  try {
    const answer = await opened;
    // Docker says it of each health check and `docker exec`, and tells a health by itself.
    const isIdle = ({ action }: DockerEvent): boolean =>
      action === 'exec_died' && !isPodman(answer);
    answer.setEncoding('utf8'); // keeps a character that two chunks share
    for await (const chunk of answer as AsyncIterable<string>) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (signal.aborted) return;
        const event = line.trim() === '' ? undefined : parseLine(line, url);
        if (event && !isIdle(event)) yield event;
      }
      if (rest.length > MAX_LINE) throw badLine(url, rest);
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof PortcullisError) throw error;
    throw dockerUnreachable(url, error);
  }
  if (signal.aborted) return;
  throw new PortcullisError('docker-unreachable', `Docker at ${url} closed the event stream`, {
    ...(rest !== '' && { detail: `the last line broke off: ${opening(rest)}` }),
  });
}

function parseLine(line: string, url: string): DockerEvent | undefined {
  try {
    return eventFromApi(JSON.parse(line));
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof ShapeError) {
      throw badLine(url, line, cause);
    }
    throw cause;
  }
}

function badLine(url: string, line: string, cause?: Error): PortcullisError {
  const why = cause instanceof ShapeError ? `: ${cause.message}` : '';
  return new PortcullisError(
    'docker-refused',
    `Docker at ${url} sent a line that is no event${why}`,
    {
      detail: opening(line),
      cause,
    },
  );
}

/** As the API wants it: seconds with a fraction of nine digits. */
function seconds(nano: number): string {
  const digits = BigInt(Math.max(0, Math.floor(nano)))
    .toString()
    .padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
