/** The Swarm's services as they are at this moment: for commands that look once. */
import { join } from 'node:path';
import type { DockerSource } from '../adapters/docker.ts';
import { openManager } from '../adapters/swarm-client.ts';
import { readKept } from '../adapters/swarm-file.ts';
import { readSwarmIdentity } from '../adapters/swarm-identity.ts';
import type { SwarmNode } from '../core/docker/engine.ts';
import type { SwarmService } from '../core/docker/from-service.ts';
import type { Container, Snapshot } from '../core/model.ts';
import { slimService } from '../core/swarm/service-list.ts';
import { createSwarmView, type Swarm } from '../core/swarm/swarm-view.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';

export const NO_SWARM: Swarm = { nodeId: undefined, services: [] };

/** From the engine of a manager, else from another manager, else the last good list. */
export async function swarmNow(
  settings: Settings,
  { source, signal }: { source: DockerSource; signal: AbortSignal },
): Promise<Swarm> {
  const node = (await unlessRefused(source.info(signal)))?.swarmNode;
  if (!node) return NO_SWARM;
  const { nodeId } = node;
  const services =
    (node.manager
      ? await unlessRefused(source.services(signal))
      : await askManagers(node, settings, signal)) ??
    (await readKept(settings.firewall.state_dir, nodeId))?.services;
  return { nodeId, services: services?.map((each) => slimService(each, settings.label_prefix)) };
}

/** The containers that routes may go to, with what a Swarm adds; `all`: those that do not run as well. */
export async function routedNow(
  settings: Settings,
  { source, signal, all = false }: { source: DockerSource; signal: AbortSignal; all?: boolean },
): Promise<readonly Container[]> {
  const [listed, swarm] = await Promise.all([
    source.containers(signal, { all }),
    swarmNow(settings, { source, signal }),
  ]);
  return createSwarmView(settings.label_prefix).routed(listed, swarm);
}

/** Undefined where Docker refuses, as a manager without a majority does, or a proxy before its socket. */
async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PortcullisError && error.code.startsWith('docker-')) return undefined;
    throw error;
  }
}

async function askManagers(
  { managers, dataRoot }: SwarmNode,
  { swarm }: Settings,
  signal: AbortSignal,
): Promise<readonly SwarmService[] | undefined> {
  if (swarm.port === 0) return undefined;
  try {
    const identity = await readSwarmIdentity(certificatesIn(dataRoot, swarm));
    return await Promise.any(
      managers.map(async (address) => {
        const client = openManager(address, { port: swarm.port, identity });
        try {
          return (await client.ask(undefined, signal))?.changed;
        } finally {
          client.close();
        }
      }),
    );
  } catch (error) {
    if (error instanceof PortcullisError || error instanceof AggregateError) return undefined;
    throw error;
  }
}

export const certificatesIn = (dataRoot: string, { certificates }: Settings['swarm']): string =>
  certificates === '' ? join(dataRoot || '/var/lib/docker', 'swarm/certificates') : certificates;

/** The snapshot with what the Swarm opens on this node, for the firewall. */
export const withSwarm = (
  snapshot: Snapshot,
  swarm: Swarm,
  { label_prefix }: Pick<Settings, 'label_prefix'>,
): Snapshot => createSwarmView(label_prefix).guarded(snapshot, swarm);
