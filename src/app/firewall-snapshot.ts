import type { DockerSource } from '../adapters/docker.ts';
import type { Snapshot } from '../core/model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { swarmNow, withSwarm } from './swarm-once.ts';

/** What the firewall must know: also containers that do not run, with the ports they asked for, and a Swarm's. */
export async function firewallSnapshot(
  source: DockerSource,
  settings: Settings,
  signal: AbortSignal,
): Promise<Snapshot> {
  const [snapshot, swarm] = await Promise.all([
    containersAtRest(source, signal),
    swarmNow(settings, { source, signal }),
  ]);
  return withSwarm(snapshot, swarm, settings);
}

/** Containers that do not run too, with the ports they asked for. */
export async function containersAtRest(
  source: DockerSource,
  signal: AbortSignal,
): Promise<Snapshot> {
  const { containers, networks } = await source.snapshot(signal, { all: true });
  const known = await Promise.all(
    containers.map(async (container) =>
      // A list does not say which ports a container that does not run has asked for.
      container.state === 'running' || container.state === 'paused'
        ? container
        : source.inspect(container.id, signal),
    ),
  );
  return { containers: known.filter((container) => container !== undefined), networks };
}
