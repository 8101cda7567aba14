import { readSwarmIdentity, type SwarmIdentity } from '../adapters/swarm-identity.ts';
import { serveServices, type SwarmServer } from '../adapters/swarm-server.ts';
import { watchFiles } from '../adapters/watch-files.ts';
import type { SwarmService } from '../core/docker/from-service.ts';
import { backoffDelay } from '../core/backoff.ts';
import { slimService } from '../core/swarm/service-list.ts';
import { PortcullisError } from '../errors.ts';
import type { Following } from './follow-swarm.ts';
import { certificatesIn } from './swarm-once.ts';
import { createBell, pause } from './wait.ts';

/** An update is several events; those of a moment are one change. */
const SETTLE_MS = 50;
/** More than this, and the whole list costs less. */
const MOST_SINGLE = 50;
const RENEW_LOOK_MS = 30_000;

/**
 * A manager: lists the services, takes in each event, tells the other nodes. Ends when this node is no
 * manager any more, or with the signal.
 */
export async function followEngine(following: Following): Promise<void> {
  const { source, settings, registry, manager, bell, dirty, confirmed, lost, random, signal } =
    following;
  delete manager.version; // the list is our own from here on
  const feed = createFeed(following);
  const session = new AbortController();
  const both = AbortSignal.any([signal, session.signal]);
  const serving = serve(following, feed, both);
  const slim = (services: readonly SwarmService[]): readonly SwarmService[] =>
    services.map((each) => slimService(each, settings.label_prefix));

  const isStillManager = async (): Promise<boolean> => {
    const { swarmNode } = await source.info(signal);
    return swarmNode?.manager === true && swarmNode.nodeId === following.node.nodeId;
  };

  /** Undefined where this node is no manager any more. */
  const listAll = async (): Promise<boolean | undefined> => {
    dirty.clear();
    const services = await source.services(signal);
    if (!services) {
      if (!(await isStillManager())) return undefined;
      throw new PortcullisError(
        'swarm-unavailable',
        'this manager cannot answer for the Swarm: too few managers are reachable',
      );
    }
    return registry.replaceAll(slim(services));
  };
  const readDirty = async (): Promise<boolean | undefined> => {
    if (dirty.size > MOST_SINGLE) return listAll();
    const ids = [...dirty];
    dirty.clear();
    const found = await Promise.all(ids.map((id) => source.service(id, signal)));
    return registry.apply({
      changed: slim(found.filter((service) => service !== undefined)),
      gone: ids.filter((_id, index) => found[index] === undefined),
    });
  };

  let attempt = 0;
  let listedAt = -Infinity;
  let costMs = 0;
  try {
    while (!signal.aborted) {
      try {
        const startedAt = performance.now();
        // A list of very many services takes its time: a fiftieth of ours at most.
        const due = startedAt >= listedAt + Math.max(settings.watch.resync, 50 * costMs);
        const whole = due || attempt > 0 || !feed.known();
        const changed = whole ? await listAll() : await readDirty();
        if (changed === undefined || (whole && !(await isStillManager()))) return;
        if (whole) {
          listedAt = performance.now();
          costMs = listedAt - startedAt;
        }
        feed.confirm(changed);
        await confirmed('engine', changed);
        attempt = 0;
        await bell.wait(settings.watch.resync, signal);
        await pause(SETTLE_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof PortcullisError)) throw error;
        feed.doubt();
        lost(error);
        await pause(backoffDelay(attempt, random()), signal);
        attempt += 1;
      }
    }
  } finally {
    session.abort();
    await serving;
  }
}

export function createFeed({ registry }: Pick<Following, 'registry'>) {
  let known = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of waiting) each();
    waiting.clear();
  };
  return {
    known: () => known,
    version: () => registry.version,
    since: (version: string | undefined) => JSON.stringify(registry.since(version)),
    async changed(ms: number, signal: AbortSignal): Promise<void> {
      const bell = createBell();
      const ring = (): void => bell.ring();
      waiting.add(ring);
      await bell.wait(ms, signal);
      waiting.delete(ring);
    },
    confirm(changed: boolean) {
      known = true;
      if (changed) wake();
    },
    doubt() {
      known = false;
      wake();
    },
  };
}

/**
 * Listens while the signal allows and the node's certificate is a manager's. A rotation of the Swarm's
 * authority renews it seconds before the other nodes believe the new authority alone.
 */
async function serve(
  { settings, node, log, bell }: Following,
  feed: ReturnType<typeof createFeed>,
  signal: AbortSignal,
): Promise<void> {
  const { port } = settings.swarm;
  if (port === 0) return;
  const folder = certificatesIn(node.dataRoot, settings.swarm);
  let server: SwarmServer | undefined;
  let used: SwarmIdentity | undefined;
  let told = '';
  const renewed = createBell();
  await watchFiles([folder], () => renewed.ring(), signal);
  while (!signal.aborted) {
    try {
      const identity = await readSwarmIdentity(folder);
      if (identity.role !== 'manager') {
        feed.doubt();
        bell.ring();
      } else if (!server) server = serveServices(port, identity, { feed, log });
      else if (identity.cert !== used?.cert || identity.ca !== used.ca) server.renew(identity);
      used = identity;
      told = '';
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error;
      if (error.message !== told) log.error('swarm-not-served', { port, reason: error.message });
      told = error.message;
    }
    await renewed.wait(RENEW_LOOK_MS, signal);
  }
  server?.close();
}
