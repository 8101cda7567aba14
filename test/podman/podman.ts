/** Podman's Docker-compatible socket in the lab's host namespace, with the image of the lab. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/adapters/run.ts';
import { cgroupOf } from '../lab/cgroup.ts';
import { put } from '../lab/files.ts';
import { IMAGE, packRoot } from '../lab/images.ts';
import type { Lab } from '../lab/lab.ts';
import { isAlive, lastLines } from '../lab/processes.ts';
import { waitUntil } from '../lab/wait-until.ts';

/** How Podman makes its networks. */
export type NetworkBackend = 'netavark' | 'cni';

export type Podman = {
  readonly url: string;
  /** The docker command on Podman's socket; throws with what it printed when it fails. */
  docker(...args: readonly string[]): Promise<string>;
  /** Podman's own command, for what Docker has no like of. */
  own(...args: readonly string[]): Promise<string>;
  /** Starts a container that serves a page on port 80. */
  run(name: string, ...args: readonly string[]): Promise<void>;
  /** The same on another port. */
  serve(port: number, ...args: readonly string[]): Promise<void>;
  createPod(name: string, ...args: readonly string[]): Promise<void>;
  /** The same in a pod, where its port is `port`. */
  runIn(pod: string, name: string, port: number, ...args: readonly string[]): Promise<void>;
};

export async function startPodman(lab: Lab, backend: NetworkBackend): Promise<Podman> {
  const at = join(lab.folder, 'podman');
  await mkdir(join(at, 'networks'), { recursive: true });
  const config = await put(
    join(at, 'containers.conf'),
    `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[network]
network_backend = "${backend}"
network_config_dir = "${join(at, 'networks')}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "${join(at, 'tmp')}"
runtime = "runc"
infra_image = "docker.io/${IMAGE}"
`,
  );
  const podman = [
    ...['env', `CONTAINERS_CONF=${config}`, 'podman', '--root', join(at, 'root')],
    ...['--runroot', join(at, 'run'), '--tmpdir', join(at, 'tmp'), '--storage-driver', 'vfs'],
  ];
  const own = async (...args: readonly string[]): Promise<string> =>
    (await lab.host.ok([...podman, ...args])).trim();
  // What the Docker API calls lab/web is this in Podman.
  const image = ['import', await packRoot(at), `docker.io/${IMAGE}`];
  await lab.host.ok([...podman, ...image], { timeoutMs: 60_000 });

  const url = `unix://${join(at, 'podman.sock')}`;
  const service = lab.host.start([...podman, 'system', 'service', '--time', '0', url]);
  const tryDocker = (...args: readonly string[]) =>
    run('docker', ['--config', join(at, 'cli'), '-H', url, ...args], { timeoutMs: 60_000 });
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await tryDocker(...args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout.trim();
  };
  await waitUntil(
    'podman answers',
    async () => {
      if (!isAlive(service.pid)) throw new Error(`it ended:\n${lastLines(service.output())}`);
      return (await tryDocker('version')).code === 0;
    },
    30_000,
  );
  // Their addresses are lent by files outside the lab's folder.
  lab.cleanup.add('containers of podman', async () => {
    await own('pod', 'rm', '--all', '--force', '--time', '0');
    await own('rm', '--all', '--force', '--time', '0');
  });
  const ownGroup = ['--cgroup-parent', `/${cgroupOf(lab.folder)}`];
  const page = (port: number): readonly string[] => [
    ...[IMAGE, '/bin/httpd', '-f', '-p', String(port), '-h', '/www'],
  ];
  const serve: Podman['serve'] = async (port, ...args) => {
    await docker('run', '-d', ...ownGroup, ...args, ...page(port));
  };
  return {
    url,
    docker,
    own,
    serve,
    run: (name, ...args) => serve(80, '--name', name, ...args),
    async createPod(name, ...args) {
      const infra = ['--infra-command', '/bin/sleep 100000'];
      await own('pod', 'create', '--name', name, ...ownGroup, ...infra, ...args);
    },
    async runIn(pod, name, port, ...args) {
      await own('run', '-d', '--pod', pod, '--name', name, ...args, ...page(port));
    },
  };
}
