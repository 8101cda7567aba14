/**
 * The lab's own containerd. Left to itself, dockerd would take the machine's where one runs, and mix
 * its containers with those of the machine's Docker.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inOtherRoot } from './other-root.ts';
import type { Place } from './place.ts';
import { isAlive, lastLines } from './processes.ts';
import { waitUntil } from './wait-until.ts';

/**
 * Starts it and waits until it listens.
 *
 * @param root as in EngineOptions
 */
export async function startContainerd(
  { folder: shared, host }: Place,
  root: string | undefined,
): Promise<{ readonly socket: string; readonly pid: number }> {
  const folder = join(shared, 'docker', 'containerd');
  const socket = join(folder, 'containerd.sock');
  const config = join(folder, 'config.toml');
  await mkdir(folder, { recursive: true });
  await writeFile(
    config,
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
`,
  );
  const argv = ['containerd', '--config', config];
  const containerd = host.start(root === undefined ? argv : inOtherRoot({ root, shared }, argv));
  await waitUntil('containerd listens', () => {
    if (isAlive(containerd.pid)) return existsSync(socket);
    throw new Error(`containerd ended:\n${lastLines(containerd.output())}`);
  });
  return { socket, pid: containerd.pid };
}
