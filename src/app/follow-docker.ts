/** Keeps a Tracker true to the engine: subscribe first, then list, then events, and a list now and then. */
import type { DockerSource } from '../adapters/docker.ts';
import type { Log } from '../adapters/log.ts';
import { backoffDelay } from '../core/backoff.ts';
import { goesOn, willStop, type DockerEvent } from '../core/docker/event.ts';
import type { Network } from '../core/model.ts';
import { hasEnded, sameContainer, type Tracker } from '../core/tracker.ts';
import { PortcullisError } from '../errors.ts';
import { createBell, pause } from './wait.ts';

export type FollowDeps = {
  readonly source: DockerSource;
  readonly tracker: Tracker;
  readonly resyncMs: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
  readonly onNetworks: (networks: readonly Network[]) => void;
  /** The tracker changed, or may have. */
  readonly onChange: () => void;
  readonly onEvent?: (event: DockerEvent) => void;
  /** The engine is followed, with its version; or it is lost. */
  readonly onConnection?: (connected: boolean, version?: string) => void;
  readonly signal: AbortSignal;
};

/** 20.10 sends `die` up to 200 ms before its list knows: a list that surprises is asked again after this. */
const SETTLE_MS = 1_000;

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
      if (!(error instanceof PortcullisError)) throw error;
      deps.onConnection?.(false);
      if (attempt === 0) {
        log.warn('docker-lost', { reason: error.message, routes: 'kept' });
      }
    }
    await pause(backoffDelay(attempt, random()), signal);
    attempt += 1;
  }
}

async function followOnce(deps: FollowDeps, onConnected: () => void): Promise<void> {
  const { source, tracker, onChange, onNetworks, onEvent, now } = deps;
  const session = new AbortController();
  const signal = AbortSignal.any([deps.signal, session.signal]);
  const dirty = new Set<string>();
  const bell = createBell();
  try {
    const stream = source.events({ signal });
    await stream.ready;
    const { containers, networks } = await source.snapshot(signal, { all: true });
    // One that was known may be starting again at this moment: its inspect waits for that, and decides.
    const listed = containers.map((container) =>
      hasEnded(container) ? (tracker.get(container.id) ?? container) : container,
    );
    tracker.replaceAll(listed, now());
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
        const id = event.kind === 'network' ? event.attributes['container'] : event.id;
        if (id !== undefined && id !== '') dirty.add(id);
        if (goesOn(event)) tracker.resumed(event.id);
        if (willStop(event)) {
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
          onChange();
        }
      }
    };
    const resync = async (): Promise<void> => {
      await pause(SETTLE_MS, signal);
      while (!signal.aborted) {
        await compare(deps, signal);
        onNetworks(await source.networks(signal));
        await pause(deps.resyncMs, signal);
      }
    };
    await Promise.all([readEvents(), inspectDirty(), resync()]);
  } finally {
    session.abort();
  }
}

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

/** Lists, and asks again after each container on which the list and the tracker differ. */
async function compare(deps: FollowDeps, signal: AbortSignal): Promise<void> {
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
}
