/** The little of Docker that this program needs, in its own types. */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { eventFromApi, type DockerEvent } from '../core/docker/event.ts';
import { containerFromInspect } from '../core/docker/from-inspect.ts';
import { containerFromList } from '../core/docker/from-list.ts';
import { networkFromApi } from '../core/docker/from-network.ts';
import { ShapeError } from '../core/docker/reader.ts';
import type { Container, Network } from '../core/model.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import { createContainerControl, type ContainerControl } from './container-control.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import { readLines } from './json-lines.ts';
import { dockerTarget } from './docker-target.ts';

/** Events that can change a route or a rule. */
const FILTERS = {
  type: ['container', 'network'],
  event: [
    ...['create', 'start', 'restart', 'die', 'stop', 'kill', 'pause', 'unpause'],
    ...['rename', 'update', 'destroy', 'health_status', 'connect', 'disconnect'],
  ],
};
const CALL_TIMEOUT_MS = 10_000;

export type EventStream = AsyncIterable<DockerEvent> & {
  /** Resolves when the engine has answered: from then on no event is missed. */
  readonly ready: Promise<void>;
};

/** Every call fails with a PortcullisError, `docker-unreachable` or `docker-refused`; half an answer is no answer. */
export type DockerSource = {
  readonly url: string;
  /** Running containers, or all of them, in one call, so that it is one moment. */
  containers(
    signal: AbortSignal,
    options?: { readonly all: boolean },
  ): Promise<readonly Container[]>;
  /** Undefined when there is none of that id. */
  inspect(id: string, signal: AbortSignal): Promise<Container | undefined>;
  networks(signal: AbortSignal): Promise<readonly Network[]>;
  version(signal: AbortSignal): Promise<{ readonly version: string; readonly api: string }>;
  info(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  events(options: { readonly signal: AbortSignal }): EventStream;
  readonly control: ContainerControl;
};

/** Connects to nothing yet: the first call does. */
export async function openDocker({
  url: given,
  env,
}: {
  readonly url: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Promise<DockerSource> {
  const { url, options } = await dockerTarget(given, env);
  const { default: Client } = await import('dockerode'); // late: --help must not pay for it
  const client = new Client(options);

  const call = async <T>(
    signal: AbortSignal,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    try {
      return await withDeadline(CALL_TIMEOUT_MS, signal, act);
    } catch (cause) {
      throw dockerError(cause, url);
    }
  };

  return {
    url,
    containers: (signal, { all } = { all: false }) =>
      call(signal, async (abortSignal) => {
        const listed: unknown = await client.listContainers({ all, abortSignal });
        return listOf(listed, 'GET /containers/json').map(containerFromList);
      }),
    inspect: (id, signal) =>
      call(signal, async (abortSignal) => {
        try {
          const answer: unknown = await client.getContainer(id).inspect({ abortSignal });
          return containerFromInspect(answer);
        } catch (error) {
          if (statusOf(error) === 404) return undefined;
          throw error;
        }
      }),
    networks: (signal) =>
      call(signal, async (abortSignal) => {
        const listed: unknown = await client.listNetworks({ abortSignal });
        return listOf(listed, 'GET /networks').map(networkFromApi);
      }),
    version: (signal) =>
      call(signal, async () => {
        const { Version, ApiVersion } = await client.version();
        return { version: Version, api: ApiVersion };
      }),
    info: (signal) =>
      call(signal, async () => {
        const info: unknown = await client.info();
        if (typeof info === 'object' && info !== null) return { ...info };
        throw new ShapeError('the answer to GET /info is not an object');
      }),
    events: ({ signal }) => openEvents(client, url, signal),
    control: createContainerControl(client, call),
  };
}

function openEvents(client: Docker, url: string, signal: AbortSignal): EventStream {
  const opened = withDeadline(CALL_TIMEOUT_MS, signal, async (abortSignal) => {
    const stream = await client.getEvents({ filters: JSON.stringify(FILTERS), abortSignal });
    return stream;
  }).catch((cause: unknown) => {
    throw dockerError(cause, url);
  });
  opened.catch(() => {}); // told through `ready`
  return {
    ready: opened.then(() => {}),
    async *[Symbol.asyncIterator]() {
      const stream = await opened;
      const close = (): void => void (stream instanceof Readable && stream.destroy());
      signal.addEventListener('abort', close, { once: true });
      try {
        for await (const line of readLines(stream)) {
          const event = eventFromApi(line);
          if (event) yield event;
        }
      } catch (cause) {
        throw dockerError(cause, url);
      } finally {
        signal.removeEventListener('abort', close);
        close();
      }
    },
  };
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ShapeError(`the answer to ${what} is not a whole list`);
}

const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'statusCode' in error
    ? Number(error.statusCode)
    : undefined;

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'is Docker running? Is the socket mounted? Say with --docker or DOCKER_HOST where it is',
  ECONNREFUSED: 'nothing listens there: is Docker running?',
  EACCES: 'no permission: run as root, or add this user to the group docker',
  ENOTFOUND: 'the host name is not known: look at --docker or DOCKER_HOST',
};

function dockerError(cause: unknown, url: string): Error {
  if (cause instanceof PortcullisError) return cause;
  const status = statusOf(cause);
  const words = cause instanceof Error ? cause.message : String(cause);
  if (status !== undefined) {
    return new PortcullisError('docker-refused', `Docker at ${url} answered ${status}`, {
      cause,
      detail: words,
    });
  }
  if (cause instanceof ShapeError || cause instanceof SyntaxError) {
    return new PortcullisError(
      'docker-refused',
      `Docker at ${url} gave an answer that cannot be read`,
      {
        cause,
        detail: words,
      },
    );
  }
  if (cause instanceof DeadlineError) {
    return new PortcullisError('docker-unreachable', `Docker at ${url} gave ${words}`, { cause });
  }
  const code = codeOf(cause);
  const advice = ADVICE[code];
  return new PortcullisError(
    'docker-unreachable',
    `cannot reach Docker at ${url} (${code.length < 40 ? code : words})${advice === undefined ? '' : `: ${advice}`}`,
    { cause },
  );
}
