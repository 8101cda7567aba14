import type { DockerSource } from '../adapters/docker.ts';
import type { Snapshot } from '../core/model.ts';

/** What the firewall must know: also containers that are created and do not run yet, with the ports they asked for. */
export async function firewallSnapshot(
  source: DockerSource,
  signal: AbortSignal,
): Promise<Snapshot> {
  const { containers, networks } = await source.snapshot(signal, { all: true });
  const known = await Promise.all(
    containers.map(async (container) =>
      container.state === 'created' || container.state === 'restarting'
        ? source.inspect(container.id, signal)
        : container,
    ),
  );
  const present = known.filter((container) => container !== undefined);
  return {
    containers: present.filter(({ state }) => state !== 'exited' && state !== 'dead'),
    networks,
  };
}
