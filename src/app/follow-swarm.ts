/** Keeps the list of a Swarm's services true: a manager asks its engine and tells the others, a worker asks a manager. */
import { randomUUID } from 'node:crypto';
import type { DockerSource } from '../adapters/docker.ts';
import type { Log } from '../adapters/log.ts';
import { forget, keep, readKept } from '../adapters/swarm-file.ts';
import { backoffDelay } from '../core/backoff.ts';
import type { DockerEvent } from '../core/docker/event.ts';
import type { SwarmNode } from '../core/docker/engine.ts';
import { ServiceRegistry } from '../core/swarm/service-registry.ts';
import type { Swarm } from '../core/swarm/swarm-view.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import { askOneManager } from './ask-managers.ts';
import { followEngine } from './follow-services.ts';
import type { StatusBoard } from './status-board.ts';
import { createBell, pause, type Bell } from './wait.ts';

export type FollowSwarmDeps = {
  readonly settings: Settings;
  readonly source: Pick<DockerSource, 'info' | 'services' | 'service'>;
  readonly log: Log;
  readonly board: Pick<StatusBoard, 'swarm'>;
  readonly random: () => number;
  /** The services changed, or are known at last. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
};

export type SwarmFollower = {
  /** Undefined until it is known whether there is a Swarm: nothing known is not "no services". */
  now(): Swarm | undefined;
  /**
   * The same for the firewall, which does not wait for a Swarm that does not answer: where no list of
   * services was ever kept, what this node knows by itself is better guarded than nothing.
   */
  guarded(): Swarm | undefined;
  /** An event of the engine. */
  tell(event: DockerEvent): void;
  /** Runs until the signal. */
  run(): Promise<void>;
};

/** What the two roles share. */
export type Following = FollowSwarmDeps & {
  readonly node: SwarmNode;
  readonly registry: ServiceRegistry;
  /** Rings at an event of the Swarm, or where a network comes or goes. */
  readonly bell: Bell;
  /** Ids of services that an event named. */
  readonly dirty: Set<string>;
  /** A worker's last manager, and the version of the list that it told. */
  readonly manager: { address?: string; version?: string };
  /** The list was confirmed. `changed`: it differs from the one before. */
  readonly confirmed: (from: string, changed: boolean) => Promise<void>;
  /** It could not be confirmed: the last good one holds. */
  readonly lost: (error: PortcullisError) => void;
};

export function createSwarmFollower(deps: FollowSwarmDeps): SwarmFollower {
  const { settings, source, log, board, random, onChange, signal } = deps;
  const state_dir = settings.firewall.state_dir;
  const bell = createBell();
  const dirty = new Set<string>();
  let current: Swarm | undefined;
  let meanwhile: Swarm | undefined;
  let known: Known | undefined;

  const publish = (swarm: Swarm): void => {
    const same = current?.nodeId === swarm.nodeId && current?.services === swarm.services;
    current = swarm;
    if (!same) onChange();
  };

  const none = async (): Promise<void> => {
    if (known) await forget(state_dir);
    known = undefined;
    board.swarm(undefined);
    publish({ nodeId: undefined, services: NO_SERVICES });
  };

  /** The last good list of this node, from before a restart too. */
  const recall = async (nodeId: string): Promise<Known> => {
    if (known?.nodeId === nodeId) return known;
    const registry = new ServiceRegistry(randomUUID());
    const kept = await readKept(state_dir, nodeId);
    if (kept) {
      registry.replaceAll(kept.services);
      publish({ nodeId, services: registry.services });
    } else if (!current) {
      meanwhile = { nodeId, services: undefined };
      onChange();
    }
    return {
      nodeId,
      registry,
      asOf: kept?.asOf,
      written: false,
      writtenAt: -Infinity,
      told: '',
      manager: {},
    };
  };

  const begin = async (node: SwarmNode): Promise<Following> => {
    const { nodeId } = node;
    const role = node.manager ? 'manager' : 'worker';
    const state = (known = await recall(nodeId));
    const { registry, manager } = state;
    return {
      ...{ ...deps, node, registry, manager, bell, dirty },
      async confirmed(from, changed) {
        const asOf = new Date().toISOString();
        if (state.told !== '') log.info('swarm-found', { role, from });
        Object.assign(state, { asOf, told: '' });
        const { services } = registry;
        board.swarm({ role, services: services.length, from, as_of: asOf });
        publish({ nodeId, services });
        if (changed) state.written = false;
        const rest = services.length > MANY ? KEEP_MANY_MS : 0;
        if (state.written || performance.now() < state.writtenAt + rest) return;
        await keep(state_dir, nodeId, { services, asOf });
        Object.assign(state, { written: true, writtenAt: performance.now() });
      },
      lost({ message }) {
        const { asOf } = state;
        if (state.told !== message) {
          const services = asOf === undefined ? 'none known' : `kept as of ${asOf}`;
          log.warn('swarm-lost', { role, reason: message, services });
        }
        state.told = message;
        board.swarm({
          ...{ role, from: 'kept', error: message },
          ...(asOf !== undefined && { services: registry.services.length, as_of: asOf }),
        });
        publish({ nodeId, services: asOf === undefined ? undefined : registry.services });
      },
    };
  };

  return {
    now: () => current,
    guarded: () => current ?? meanwhile,
    tell({ kind, action, id }) {
      if (kind === 'service') dirty.add(id);
      const joins = kind === 'network' && (action === 'create' || action === 'destroy');
      // Who is told of nodes is a manager: a worker learns by it that it has become one.
      if (kind === 'service' || kind === 'node' || joins) bell.ring();
    },
    async run() {
      let attempt = 0;
      while (!signal.aborted) {
        try {
          const node = (await source.info(signal)).swarmNode;
          attempt = 0;
          if (!node) {
            await none();
            await bell.wait(settings.watch.resync, signal);
            continue;
          }
          const following = await begin(node);
          await (node.manager ? followEngine(following) : askOneManager(following));
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof PortcullisError)) throw error;
          // Without the engine there is nothing to go by; where it is kept from us, there is no Swarm for us.
          if (error.code === 'docker-refused' && current === undefined) {
            log.warn('swarm-unknown', { reason: error.message });
            publish({ nodeId: undefined, services: NO_SERVICES });
          }
          await pause(backoffDelay(attempt, random()), signal);
          attempt += 1;
        }
      }
    },
  };
}

const NO_SERVICES: readonly [] = [];

/** A long list is megabytes: it is not written at every change. */
const MANY = 1_000;
const KEEP_MANY_MS = 5_000;

/** What is known of the Swarm that this node is in. */
type Known = {
  readonly nodeId: string;
  readonly registry: ServiceRegistry;
  readonly manager: Following['manager'];
  /** When the list was last confirmed, ISO 8601; undefined: never. */
  asOf: string | undefined;
  /** The file holds it, and since when. */
  written: boolean;
  writtenAt: number;
  /** The last loss that was told. */
  told: string;
};
