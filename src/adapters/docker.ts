import { engineFromInfo, engineFromVersion } from '../core/docker/engine.ts';
import type { EngineInfo, EngineVersion } from '../core/docker/engine.ts';
import { containerFromInspect } from '../core/docker/from-inspect.ts';
import { containerFromList } from '../core/docker/from-list.ts';
import { networkFromApi } from '../core/docker/from-network.ts';
import { networkFromPodman } from '../core/docker/from-podman.ts';
import { serviceFromApi, type SwarmService } from '../core/docker/from-service.ts';
import { ShapeError } from '../core/docker/reader.ts';
import type { Container, Network, Snapshot } from '../core/model.ts';
import { PortcullisError } from '../errors.ts';
import { createContainerControl, type ContainerControl } from './container-control.ts';
import { INSPECTS_AT_ONCE, withEnvironment } from './docker-environment.ts';
import { openEvents, type EventOptions, type EventStream } from './docker-events.ts';
import { openDockerHttp, type DockerHttp } from './docker-request.ts';
import { dockerTarget, type Environment } from './docker-target.ts';
import { eachOf } from './each-of.ts';

/** `all`: containers that do not run, too. */
export type ListOptions = { readonly all?: boolean };

/**
 * The little of Docker that this tool needs. Every call ends after a limit of its own, and throws a
 * PortcullisError (`docker-unreachable` or `docker-refused`) or the reason of its signal.
 */
export type DockerSource = {
  readonly url: string;
  /** Containers and networks, sorted by name, from two calls made at once. */
  snapshot(signal: AbortSignal, options?: ListOptions): Promise<Snapshot>;
  /**
   * Containers sorted by name: from one list call without `portBindings`, from Podman with an inspect
   * of each. Docker 20.10 lists a container as running for some 100 ms after its `die` event;
   * `inspect` tells the truth.
   */
  containers(signal: AbortSignal, options?: ListOptions): Promise<readonly Container[]>;
  networks(signal: AbortSignal): Promise<readonly Network[]>;
  /** One container by name or id; undefined when there is none. */
  inspect(id: string, signal: AbortSignal): Promise<Container | undefined>;
  version(signal: AbortSignal): Promise<EngineVersion>;
  info(signal: AbortSignal): Promise<EngineInfo>;
  /** Services of the Swarm; undefined where this node is no manager of one, or the Swarm has no leader. */
  services(signal: AbortSignal): Promise<readonly SwarmService[] | undefined>;
  /** One service by id; undefined when there is none. */
  service(id: string, signal: AbortSignal): Promise<SwarmService | undefined>;
  /** See `openEvents`. */
  events(options: EventOptions): EventStream;
  readonly control: ContainerControl;
};

export type DockerOptions = {
  /** What `--docker` says. */
  readonly url: string | undefined;
  readonly env: Environment;
  /** For one call; default 10 000. */
  readonly limitMs?: number;
  /** Settings' `compat`: what is read beside labels. */
  readonly compat?: readonly string[];
};

/** A manager of a Swarm without a majority takes 20 s to say what it is. */
const INFO_MS = 25_000;
/** Podman's answer to Docker's question names no Linux bridge, and its default network otherwise than its containers do. */
const PODMAN_NETWORKS = '/v4.0.0/libpod/networks/json';

/** Makes a client. It connects with the first call only. */
export async function openDocker({
  url,
  env,
  limitMs = 10_000,
  compat = [],
}: DockerOptions): Promise<DockerSource> {
  const http = await openDockerHttp(dockerTarget(url, env));
  const source: DockerSource = {
    url: http.url,
    async snapshot(signal, options) {
      const [containers, networks] = await Promise.all([
        source.containers(signal, options),
        source.networks(signal),
      ]);
      return { containers, networks };
    },
    async containers(signal, { all = false } = {}) {
      const path = '/containers/json';
      const query = { all: all ? 1 : 0 };
      const { json, podman } = await http.jsonOf({ path, query, signal, limitMs });
      const listed = parseList(http, { path, json }, containerFromList);
      if (!podman) return listed;
      // Podman's list tells neither the health nor whose network it is.
      const inspected = new Map<string, Container | undefined>();
      await eachOf(listed, INSPECTS_AT_ONCE, async ({ id }) => {
        inspected.set(id, await source.inspect(id, signal));
      });
      return listed.flatMap(({ id }) => inspected.get(id) ?? []);
    },
    async networks(signal) {
      const path = '/networks';
      const { json, podman } = await http.jsonOf({ path, signal, limitMs });
      if (podman) {
        const own = await http.json({ path: PODMAN_NETWORKS, signal, limitMs });
        return parseList(http, { path: PODMAN_NETWORKS, json: own }, networkFromPodman);
      }
      const listed = parseList(http, { path, json }, networkFromApi);
      return Promise.all(
        listed.map(async (network, index) => {
          if (network.name !== 'docker_gwbridge') return network;
          const one = `/networks/${encodeURIComponent(network.id)}`;
          const answer = await unlessRefused(
            http.json({ path: one, signal, limitMs }),
            /\(HTTP (403|404)\)/, // just gone, or a proxy that lets only lists through
          );
          if (answer === undefined) return network;
          return parse(http, { path: one, json: answer }, (found) => networkFromApi(found, index));
        }),
      );
    },
    async inspect(id, signal) {
      const path = `/containers/${encodeURIComponent(id)}/json`;
      const json = await unlessRefused(
        http.json({ path, signal, limitMs }),
        // The second is Podman's, for one that goes at this moment.
        /no such container.* \(HTTP 404\)|does not exist in database: no such container \(HTTP 500\)/i,
      );
      return json === undefined
        ? undefined
        : parse(http, { path, json }, (answer) => containerFromInspect(answer));
    },
    async version(signal) {
      const path = '/version';
      const json = await http.json({ path, signal, limitMs });
      return parse(http, { path, json }, engineFromVersion);
    },
    async info(signal) {
      const path = '/info';
      return parse(
        http,
        { path, json: await http.json({ path, signal, limitMs: Math.max(limitMs, INFO_MS) }) },
        engineFromInfo,
      );
    },
    async services(signal) {
      const path = '/services';
      const json = await unlessRefused(
        http.json({ path, signal, limitMs }),
        /\(HTTP (404|406|503)\)|does not have a leader/,
      );
      return json === undefined ? undefined : parseList(http, { path, json }, serviceFromApi);
    },
    async service(id, signal) {
      const path = `/services/${encodeURIComponent(id)}`;
      const json = await unlessRefused(
        http.json({ path, signal, limitMs }),
        /service .*not found.* \(HTTP 404\)/i,
      );
      return json === undefined ? undefined : parse(http, { path, json }, serviceFromApi);
    },
    events: (options) => openEvents(http, { ...options, limitMs }),
    control: createContainerControl(http),
  };
  return compat.length > 0 ? withEnvironment(source) : source;
}

type Answer = { readonly path: string; readonly json: unknown };

function parseList<T extends { readonly name: string }>(
  http: DockerHttp,
  answer: Answer,
  read: (entry: unknown, index: number) => T,
): readonly T[] {
  return parse(http, answer, (json) => {
    if (!Array.isArray(json)) throw new ShapeError('a list was expected');
    return json
      .map((entry: unknown, index) => read(entry, index))
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  });
}

function parse<T>(http: DockerHttp, { path, json }: Answer, read: (json: unknown) => T): T {
  try {
    return read(json);
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new PortcullisError(
      'docker-refused',
      `Docker at ${http.url} answered GET ${path} with something unexpected: ${cause.message}`,
      { cause },
    );
  }
}

/** Undefined where Docker refuses with such a message. */
async function unlessRefused(answer: Promise<unknown>, message: RegExp): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    const refused =
      error instanceof PortcullisError &&
      error.code === 'docker-refused' &&
      message.test(error.message);
    if (refused) return undefined;
    throw error;
  }
}
