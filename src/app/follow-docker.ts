/** Keeps a Tracker true to the engine: subscribe first, then list, then events, and a list now and then. */
import type { DockerSource } from '../adapters/docker.ts';
import type { Log } from '../adapters/log.ts';
import { backoffDelay } from '../core/backoff.ts';
import { goesOn, isPaused, willStop, type DockerEvent } from '../core/docker/event.ts';
import type { Network } from '../core/model.ts';
import type { Flapping } from '../core/flapping.ts';
import { hasEnded, sameContainer, type Tracker } from '../core/tracker.ts';
import { PortcullisError } from '../errors.ts';
import { troubleOf } from './trouble.ts';
import { createBell, pause } from './wait.ts';

export type FollowDeps = {
  readonly source: Pick<
    DockerSource,
    'snapshot' | 'containers' | 'networks' | 'inspect' | 'version' | 'events'
  >;
  readonly tracker: Tracker;
  readonly flapping: Flapping;
  /** Ids of containers that are served now: each is asked after before a list without it is believed. */
  readonly served: () => Promise<readonly string[]>;
  readonly resyncMs: number;
  /** Replicas that are told to stop leave before they end: `watch.drain`. */
  readonly drain: boolean;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
  readonly onNetworks: (networks: readonly Network[]) => void;
  /** The tracker changed, or may have. */
  readonly onChange: () => void;
  readonly onEvent?: (event: DockerEvent) => void;
  /** Names of the containers that end or turn unhealthy over and over, when they change. */
  readonly onFlapping: (names: readonly string[]) => void;
  /** The engine is followed, with its version; or it is lost. */
  readonly onConnection?: (connected: boolean, version?: string) => void;
  readonly signal: AbortSignal;
};

/** 20.10 sends `die` up to 200 ms before its list knows: a list that surprises is asked again after this. */
const SETTLE_MS = 1_000;
/**
 * A container that comes and goes is looked at this often, however many events it sends: each look may
 * cost a reload, and each reload old workers that stay for as long as their connections.
 */
const FLAPPING_MS = 2_000;
/** Podman says that a health check ended before it notes the result. */
const CHECKED_MS = 300;

/** Follows until `signal` aborts. The engine being away is no reason to end: every route stays. */
export async function followDocker(deps: FollowDeps): Promise<void> {
  const { log, signal, random } = deps;
  let attempt = 0;
  while (!signal.aborted) {
    try {
      await followOnce(deps, () => {
        if (attempt > 0) log.info('docker-reconnected', { attempts: attempt });
        attempt = 0;
      });
    } catch (error) {
      if (signal.aborted) return;
      const { message } = troubleOf(error);
      deps.onConnection?.(false);
      if (attempt === 0) log.warn('docker-lost', { reason: message, routes: 'kept' });
    }
    await pause(backoffDelay(attempt, random()), signal);
    attempt += 1;
  }
}

async function followOnce(deps: FollowDeps, onConnected: () => void): Promise<void> {
  const { source, tracker, flapping, onChange, onEvent, now, log } = deps;
  const session = new AbortController();
  const signal = AbortSignal.any([deps.signal, session.signal]);
  const dirty = new Set<string>();
  const bell = createBell();
  const held = new Set<string>();
  let lastEventAt = -Infinity;
  /** Drivers, by name and id. */
  let known = new Map<string, string>();
  const onNetworks = (networks: readonly Network[]): void => {
    known = new Map(networks.flatMap(({ id, name, driver }) => [id, name].map((k) => [k, driver])));
    deps.onNetworks(networks);
  };
  /**
   * Podman tells of no network that was made, only of the containers on it. Docker does not tell that a
   * container on an overlay network has come onto `docker_gwbridge`, to whose address it forwards.
   */
  const askForNetworksOf = async (ids: readonly string[]): Promise<void> => {
    const places = ids.flatMap((id) => {
      const { published = [], endpoints = [] } = tracker.get(id) ?? {};
      return endpoints.map(({ networkId, network }) => ({
        network,
        isPublished: published.length > 0,
        driver: known.get(networkId) ?? known.get(network),
      }));
    });
    const unknown = places.filter(({ driver }) => driver === undefined);
    const onOverlay = places.some(({ driver, isPublished }) => isPublished && driver === 'overlay');
    if (unknown.length === 0 && !onOverlay) return;
    onNetworks(await source.networks(signal));
    for (const { network } of unknown) if (!known.has(network)) known.set(network, ''); // asked for once
  };
  try {
    const stream = source.events({ signal });
    await stream.ready;
    const { containers, networks } = await source.snapshot(signal, { all: true });
    // One that was known may be starting again at this moment: its inspect waits for that, and decides.
    const listed = containers.map((container) =>
      hasEnded(container) ? (tracker.get(container.id) ?? container) : container,
    );
    // No list takes anything away by itself: one that is cut short is as good as any to look at.
    const inList = new Set(containers.map(({ id }) => id));
    const unlisted = [...tracker.containers, ...tracker.ended].filter(({ id }) => !inList.has(id));
    tracker.replaceAll([...listed, ...unlisted], now());
    for (const id of await deps.served()) if (!inList.has(id)) await refresh(deps, id, signal);
    for (const { id } of unlisted) dirty.add(id);
    onNetworks(networks);
    // A list does not say which ports a container that does not run has asked for.
    for (const { id, state } of containers) if (state !== 'running') dirty.add(id);
    if (dirty.size > 0) bell.ring();
    onConnected();
    const { version } = await source.version(signal);
    deps.onConnection?.(true, version);
    onChange();

    const readEvents = async (): Promise<void> => {
      for await (const event of stream) {
        onEvent?.(event);
        lastEventAt = now();
        if (event.kind === 'service' || event.kind === 'node') continue;
        if (event.action === 'exec_died') {
          void lookLater(event.id);
          continue;
        }
        if (
          event.kind === 'container' &&
          (event.action === 'die' || event.health === 'unhealthy')
        ) {
          const started = flapping.ended(event, now());
          if (started) {
            log.warn('container-flaps', started);
            deps.onFlapping(flapping.names);
          }
        }
        const id = event.kind === 'network' ? event.attributes['container'] : event.id;
        if (id !== undefined && id !== '') (flapping.has(id) ? held : dirty).add(id);
        if (goesOn(event)) tracker.resumed(event.id);
        if (isPaused(event) || (deps.drain && willStop(event))) {
          tracker.drain(event.id, now());
          onChange(); // before the inspect: its last moments of listening count
        }
        // A new network's bridge is there before any container is on it.
        if (event.kind === 'network' && ['create', 'destroy'].includes(event.action)) {
          onNetworks(await source.networks(signal));
          onChange();
        }
        bell.ring();
      }
      throw new PortcullisError('docker-unreachable', 'the Docker event stream ended');
    };
    const inspectDirty = async (): Promise<void> => {
      while (!signal.aborted) {
        await bell.wait(60_000, signal);
        while (dirty.size > 0 && !signal.aborted) {
          const ids = [...dirty];
          dirty.clear();
          for (const id of ids) await refresh(deps, id, signal);
          await askForNetworksOf(ids);
          onChange();
        }
      }
    };
    const resync = async (): Promise<void> => {
      let first = true; // what was missed between the two is no fault of the stream
      await pause(SETTLE_MS, signal);
      while (!signal.aborted) {
        const [eventAt, missed] = [lastEventAt, await compare(deps, signal)];
        onNetworks(await source.networks(signal));
        const calmed = flapping.calmed(now());
        for (const name of calmed) log.info('container-steady', { name });
        if (calmed.length > 0) deps.onFlapping(flapping.names);
        if (missed > 0 && !first) {
          await pause(SETTLE_MS, signal);
          if (lastEventAt === eventAt && !signal.aborted) throw silent();
        }
        first = false;
        await pause(deps.resyncMs, signal);
      }
    };
    const lookLater = async (id: string): Promise<void> => {
      await pause(CHECKED_MS, signal);
      (flapping.has(id) ? held : dirty).add(id);
      bell.ring();
    };
    const lookAtHeld = async (): Promise<void> => {
      while (!signal.aborted) {
        await pause(FLAPPING_MS, signal);
        if (held.size > 0) bell.ring();
        for (const id of held) dirty.add(id);
        held.clear();
      }
    };
    await Promise.all([readEvents(), inspectDirty(), resync(), lookAtHeld()]);
  } finally {
    session.abort();
  }
}

/** A stream that a proxy or a network keeps open and lets nothing through looks like a quiet engine. */
const silent = (): PortcullisError =>
  new PortcullisError(
    'docker-unreachable',
    'containers changed and the Docker event stream did not say so: it is opened anew',
  );

async function refresh(
  { source, tracker, now }: FollowDeps,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const container = await source.inspect(id, signal);
  const known = tracker.get(id);
  if (!container) tracker.gone(id, now());
  else if (!known || !sameContainer(known, container)) tracker.put(container, now());
  else {
    // The list that made it known did not tell its port bindings.
    if (known.portBindings.length !== container.portBindings.length) tracker.put(container, now());
    return false;
  }
  return true;
}

/** Lists, asks again after each container on which the list and the tracker differ, and counts those that had changed. */
async function compare(deps: FollowDeps, signal: AbortSignal): Promise<number> {
  const { source, tracker, log, onChange } = deps;
  const listed = await source.containers(signal, { all: true });
  const ids = new Set(listed.map(({ id }) => id));
  const differing = [
    ...listed.filter((container) => {
      const known = tracker.get(container.id);
      return known ? !sameContainer(known, container) : !hasEnded(container);
    }),
    ...tracker.containers.filter(({ id }) => !ids.has(id)),
  ];
  let missed = 0;
  for (const { id } of differing) if (await refresh(deps, id, signal)) missed += 1;
  if (missed > 0) {
    log.info('docker-resynced', { containers: missed });
    onChange();
  }
  return missed;
}
