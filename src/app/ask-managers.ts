import { openManager, type ManagerClient } from '../adapters/swarm-client.ts';
import { readSwarmIdentity } from '../adapters/swarm-identity.ts';
import { backoffDelay } from '../core/backoff.ts';
import { slimService } from '../core/swarm/service-list.ts';
import { PortcullisError } from '../errors.ts';
import type { Following } from './follow-swarm.ts';
import { certificatesIn } from './swarm-once.ts';
import { pause } from './wait.ts';

/** After this, or at an event that may mean more, a worker looks again what it is and who the managers are. */
const ROUND_MS = 30_000;

/**
 * A worker: asks one manager, and the next where that one does not answer. Comes back after a round, to
 * be called again with what the engine says then.
 */
export async function askOneManager(following: Following): Promise<void> {
  const { settings, bell, lost, random, signal } = following;
  if (settings.swarm.port === 0) {
    lost(unavailable('this node is a worker and swarm.port is not set'));
    await bell.wait(ROUND_MS, signal);
    return;
  }
  const round = new AbortController();
  const ended = AbortSignal.any([signal, round.signal]);
  const rung = bell.wait(ROUND_MS, ended).then(() => round.abort());
  try {
    await askEach({ ...following, signal: ended });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof PortcullisError)) throw error;
    lost(error);
    await pause(backoffDelay(3, random()), signal);
  } finally {
    round.abort();
    await rung;
  }
}

/**
 * Ends with the signal.
 *
 * @throws {PortcullisError} where no manager answers
 */
async function askEach(following: Following): Promise<void> {
  const { settings, node, manager, log, random, signal } = following;
  const { port } = settings.swarm;
  const failures = new Map<string, PortcullisError>();
  for (const address of inOrder(node.managers, manager.address, random)) {
    // Anew for each: the certificate may have been renewed while the last one was listened to.
    const identity = await readSwarmIdentity(certificatesIn(node.dataRoot, settings.swarm));
    const client = openManager(address, { port, identity });
    try {
      await listenTo(client, following);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof PortcullisError)) throw error;
      log.debug('manager-lost', { address, reason: error.message });
      failures.set(address, error);
    } finally {
      client.close();
    }
  }
  // The same manager's each time, whichever was asked last: it is told once.
  const [first = ''] = [...failures.keys()].toSorted();
  throw failures.get(first) ?? unavailable('the engine names no manager of the Swarm');
}

/** @throws {PortcullisError} where the manager does not answer any more */
async function listenTo(
  client: ManagerClient,
  { settings, registry, manager, confirmed, signal }: Following,
): Promise<void> {
  while (!signal.aborted) {
    const news = await client.ask(manager.version, signal);
    if (!news) {
      await confirmed(client.address, false);
      continue;
    }
    const changed = news.changed.map((each) => slimService(each, settings.label_prefix));
    const differs = news.full
      ? registry.replaceAll(changed)
      : registry.apply({ changed, gone: news.gone });
    Object.assign(manager, { version: news.version, address: client.address });
    await confirmed(client.address, differs);
  }
}

/** The one of last time first, the others in any order: a thousand workers spread over the managers. */
export const inOrder = (
  addresses: readonly string[],
  last: string | undefined,
  random: () => number,
): readonly string[] =>
  addresses
    .map((address) => ({ address, at: address === last ? -1 : random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ address }) => address);

const unavailable = (why: string): PortcullisError =>
  new PortcullisError(
    'swarm-unavailable',
    `${why}: services whose tasks run elsewhere are not known for sure`,
  );
