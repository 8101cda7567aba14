/** A real Docker Engine in the lab's host namespace, with an image made from busybox. */
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'node:http';
import { run, type RunResult } from '../../src/adapters/run.ts';
import { unmountBelow } from './mounts.ts';
import { inOtherRoot } from './other-root.ts';
import type { Place } from './place.ts';
import { endByPid, isAlive, pidsNaming, type Started } from './processes.ts';
import { findProgram } from './requirements.ts';
import { waitUntil } from './wait-until.ts';

export const IMAGE = 'lab/web:1';
/** As IMAGE, with a health check: healthy as long as /healthy is there. */
export const HEALTH_IMAGE = 'lab/health:1';

export type EngineOptions = {
  readonly ipv6?: boolean;
  readonly args?: readonly string[];
  /** A debootstrap folder whose dockerd is taken; default: PORTCULLIS_LAB_ROOT, else this machine's. */
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
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
};

export async function startEngine(place: Place, options: EngineOptions): Promise<Engine> {
  const { folder, host, cleanup } = place;
  const at = join(folder, 'docker');
  const socket = join(at, 'docker.sock');
  const url = `unix://${socket}`;
  await mkdir(at, { recursive: true });
  const dockerd = [
    'dockerd',
    ...['--data-root', join(at, 'data'), '--exec-root', join(at, 'exec')],
    ...['-H', url, '--pidfile', join(at, 'docker.pid'), '--storage-driver', 'vfs'],
    ...(options.ipv6
      ? ['--ipv6', '--fixed-cidr-v6', 'fd00:dead:beef::/48', '--experimental', '--ip6tables']
      : []),
    ...(options.args ?? []),
  ];
  const root = options.root ?? process.env['PORTCULLIS_LAB_ROOT'];
  const argv = root === undefined ? dockerd : inOtherRoot({ root, shared: folder }, dockerd);
  let daemon: Started | undefined;
  const engine: Engine = {
    socket,
    url,
    async docker(...args) {
      const { code, stdout, stderr } = await engine.tryDocker(...args);
      if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout.trim();
    },
    tryDocker: (...args) =>
      run(findProgram('docker') ?? 'docker', ['-H', url, ...args], { timeoutMs: 60_000 }),
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
      await forgetDeadContainerd(at);
      const started = host.start(argv, { ...process.env, DOCKER_RAMDISK: '1' });
      daemon = started;
      await waitUntil(
        'dockerd answers',
        async () => {
          if (!isAlive(started.pid)) throw new Error(`dockerd ended:\n${tail(started.output())}`);
          return (await ping(socket)) || undefined;
        },
        60_000,
      ).catch((error: unknown) => {
        throw new Error(`dockerd did not start:\n${tail(started.output())}`, { cause: error });
      });
    },
  };
  cleanup.add('containers and dockerd', async () => {
    if (daemon && isAlive(daemon.pid)) {
      const ids = (await engine.tryDocker('ps', '-aq')).stdout
        .split('\n')
        .filter((id) => id !== '');
      if (ids.length > 0) await engine.tryDocker('rm', '-f', ...ids);
      await daemon.stop();
    }
    for (const pid of pidsNaming(at)) await endByPid(pid);
    await unmountBelow(at);
  });
  await engine.start();
  await importImages(engine, at);
  return engine;
}

/** After a SIGKILL: dockerd would wait for a containerd that is gone, where pid 1 does not reap it. */
async function forgetDeadContainerd(at: string): Promise<void> {
  const pidFile = join(at, 'exec', 'containerd', 'containerd.pid');
  const pid = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (pid === undefined) return;
  await waitUntil('the old containerd ends', () => !isAlive(Number(pid)));
  await rm(pidFile);
}

const tail = (text: string): string => text.trimEnd().split('\n').slice(-8).join('\n');

const ping = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const query = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    query.on('error', () => resolve(false)).on('timeout', () => query.destroy());
    query.end();
  });

/** Prints what reached it: the container's name, the request and its headers. */
const ECHO = `#!/bin/sh
echo "Content-Type: text/plain"; echo
echo "HOSTNAME=$(hostname)"
env
`;

async function importImages(engine: Engine, at: string): Promise<void> {
  const root = join(at, 'rootfs');
  for (const folder of ['bin', 'www/cgi-bin', 'etc', 'tmp', 'proc']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await copyFile(findProgram('busybox') ?? '/bin/busybox', join(root, 'bin/busybox'));
  await chmod(join(root, 'bin/busybox'), 0o755);
  for (const name of [
    'sh',
    'httpd',
    'nc',
    'sleep',
    'cat',
    'env',
    'hostname',
    'test',
    'rm',
    'touch',
    'echo',
    'ip',
    'ping',
  ]) {
    await symlink('busybox', join(root, 'bin', name));
  }
  await writeFile(join(root, 'www/index.html'), 'lab\n');
  await writeFile(join(root, 'www/cgi-bin/echo'), ECHO, { mode: 0o755 });
  await writeFile(join(root, 'healthy'), '');
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n');
  const tarball = join(at, 'rootfs.tar');
  const { code, stderr } = await run('tar', ['-C', root, '-cf', tarball, '.']);
  if (code !== 0) throw new Error(`tar: ${stderr}`);
  await engine.docker('import', tarball, IMAGE);
  // `docker import --change` knows no HEALTHCHECK: the check is given at `docker run`.
  await engine.docker('tag', IMAGE, HEALTH_IMAGE);
}

/** Arguments of `docker run` for a check that is healthy as long as /healthy is there. */
export const HEALTH_ARGS = [
  ...['--health-cmd', 'test -e /healthy', '--health-interval', '300ms'],
  ...['--health-retries', '1', '--health-timeout', '2s'],
];
