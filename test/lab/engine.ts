/** A real Docker Engine in the lab's host namespace, with images made from busybox. */
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { run, type RunResult } from '../../src/adapters/run.ts';
import { cgroupOf } from './cgroup.ts';
import { startContainerd } from './containerd.ts';
import { IMAGE, importImages } from './images.ts';
import { besides } from './other-root.ts';
import type { Place } from './place.ts';
import { isAlive, lastLines, type Started } from './processes.ts';
import { findPrograms } from './requirements.ts';
import { waitUntil } from './wait-until.ts';

export { HEALTH_ARGS, HEALTH_IMAGE, IMAGE } from './images.ts';

export type EngineOptions = {
  readonly ipv6?: boolean;
  readonly args?: readonly string[];
  /** A debootstrap folder whose dockerd and containerd are taken; default: LAB_ENGINE_ROOT, else this machine's. */
  readonly root?: string;
};

export type RunContainer = {
  readonly name: string;
  readonly ports?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly network?: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
};

export type Engine = {
  readonly socket: string;
  readonly url: string;
  /** The docker command; throws with what it printed when it fails. */
  docker(...args: readonly string[]): Promise<string>;
  tryDocker(...args: readonly string[]): Promise<RunResult>;
  /** Starts a container that serves its name on port 80; gives its id. */
  run(container: RunContainer): Promise<string>;
  /** Pid of dockerd. */
  pid(): number;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  restart(): Promise<void>;
};

export async function startEngine(place: Place, options: EngineOptions): Promise<Engine> {
  const { folder, host } = place;
  const at = join(folder, 'docker');
  const socket = join(at, 'docker.sock');
  const url = `unix://${socket}`;
  await mkdir(join(at, 'cli'), { recursive: true });
  await writeFile(join(at, 'daemon.json'), '{}'); // not the machine's
  const root = options.root ?? process.env['LAB_ENGINE_ROOT'];
  const containerd = await startContainerd(place, root);
  const dockerd = [
    ...['dockerd', '--config-file', join(at, 'daemon.json'), '--containerd', containerd.socket],
    ...['--data-root', join(at, 'data'), '--exec-root', join(at, 'exec')],
    ...['-H', url, '--pidfile', join(at, 'docker.pid'), '--storage-driver', 'vfs'],
    // systemd's driver wants slices; this one takes any name, with cgroup v1 and v2.
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${cgroupOf(folder)}`],
    ...(options.ipv6
      ? ['--ipv6', '--fixed-cidr-v6', 'fd00:dead:beef::/48', '--experimental', '--ip6tables']
      : []),
    ...(options.args ?? []),
  ];
  const argv = root === undefined ? dockerd : besides(containerd.pid, dockerd);
  let daemon: Started | undefined;
  let client = 'docker';
  const engine: Engine = {
    socket,
    url,
    pid: () => daemon?.pid ?? 0,
    async docker(...args) {
      const { code, stdout, stderr } = await engine.tryDocker(...args);
      if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout.trim();
    },
    // A configuration of its own: the user's may hold a context, or a proxy for every container.
    tryDocker: (...args) =>
      run(client, ['--config', join(at, 'cli'), '-H', url, ...args], { timeoutMs: 60_000 }),
    run: ({ name, ports = [], labels = {}, image = IMAGE, network, args = [], command }) =>
      engine.docker(
        ...['run', '-d', '--name', name, '--hostname', name],
        ...ports.flatMap((port) => ['-p', port]),
        ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
        ...(network === undefined ? [] : ['--network', network]),
        ...args,
        image,
        ...(command ?? ['/bin/httpd', '-f', '-p', '80', '-h', '/www']),
      ),
    async stop(signal = 'SIGTERM') {
      await daemon?.stop(signal);
    },
    async start() {
      const started = host.start(argv, { ...process.env, DOCKER_RAMDISK: '1' });
      daemon = started;
      await waitUntil(
        'dockerd answers',
        async () => {
          if (!isAlive(started.pid)) throw new Error('it ended');
          return ping(socket);
        },
        60_000,
      ).catch((cause: unknown) => {
        throw new Error(`dockerd did not start:\n${lastLines(started.output())}`, { cause });
      });
    },
    async restart() {
      await engine.stop();
      await engine.start();
    },
  };
  await engine.start();
  client = await clientFor(url);
  await importImages((...args) => engine.docker(...args), at);
  return engine;
}

/** A docker command of another age may refuse to talk to this engine: the first that does. */
async function clientFor(url: string): Promise<string> {
  let said = '';
  for (const candidate of findPrograms('docker')) {
    const { code, stderr } = await run(candidate, ['-H', url, 'version']);
    if (code === 0) return candidate;
    said += `${candidate}: ${stderr}`;
  }
  throw new Error(`no docker command can talk to this engine:\n${said}`);
}

const ping = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const query = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    query.on('error', () => resolve(false)).on('timeout', () => query.destroy());
    query.end();
  });
