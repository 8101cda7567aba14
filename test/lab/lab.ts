/**
 * A Docker host and an attacker on one machine, in network namespaces of their own. Nothing outside
 * them is touched; all that was made is taken away again, after a crash at the next start.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { run, type RunOptions, type RunResult } from '../../src/adapters/run.ts';
import { createCleanup, type Cleanup } from './cleanup.ts';
import { startEngine, type Engine, type EngineOptions } from './engine.ts';
import { startNginx, type LabNginx, type NginxOptions } from './nginx.ts';
import type { Namespace } from './place.ts';
import { start, type Started } from './processes.ts';
import { findProgram, requireLab } from './requirements.ts';
import { folderPrefix, namespacesOf, sweep, sweepLeftovers } from './sweep.ts';
import { waitUntil } from './wait-until.ts';
import { packageRoot } from '../../src/adapters/package-root.ts';

export const HOST_V4 = '198.51.100.1';
export const OUTSIDE_V4 = '198.51.100.10';
export const HOST_V6 = '2001:db8:1::1';
export const OUTSIDE_V6 = '2001:db8:1::10';
export const HOST2_V4 = '203.0.113.1';
export const OUTSIDE2_V4 = '203.0.113.10';

export type Lab = {
  readonly folder: string;
  readonly host: Namespace;
  readonly outside: Namespace;
  readonly cleanup: Cleanup;
  startEngine(options?: EngineOptions): Promise<Engine>;
  startNginx(options?: NginxOptions): Promise<LabNginx>;
  /** Runs the built program in the host namespace. */
  portcullis(
    args: readonly string[],
    options?: RunOptions & { env?: NodeJS.ProcessEnv },
  ): Promise<RunResult>;
  startPortcullis(args: readonly string[], env?: Readonly<Record<string, string>>): Watching;
  close(): Promise<void>;
};

export type Watching = Started & {
  /** Waits for a line of its log. */
  saw(pattern: RegExp, limitMs?: number): Promise<string>;
};

export async function openLab({ secondNic = false } = {}): Promise<Lab> {
  requireLab();
  sweepLeftovers();
  const cleanup = createCleanup();
  const folder = mkdtempSync(folderPrefix(process.pid));
  const names = namespacesOf(folder);
  const forget = sweepAtExit(folder);
  cleanup.add('the lab', () => {
    sweep(folder);
    forget();
  });
  try {
    const host = await makeNamespace(names.host);
    const outside = await makeNamespace(names.outside);
    await joinNamespaces(host, outside, {
      device: 'eth0',
      v4: [HOST_V4, OUTSIDE_V4],
      v6: [HOST_V6, OUTSIDE_V6],
    });
    if (secondNic) {
      await joinNamespaces(host, outside, {
        device: 'wg0',
        v4: [HOST2_V4, OUTSIDE2_V4],
        v6: ['2001:db8:2::1', '2001:db8:2::10'],
      });
    }
    return makeLab({ folder, host, outside, cleanup });
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

/** `init` would put its files into a systemd and a logrotate of this machine. */
const WITHOUT_THE_MACHINES = [
  ...['unshare', '-m', 'sh', '-ec'],
  'for each in /run/systemd /etc/logrotate.d; do [ ! -d $each ] || mount -t tmpfs tmpfs $each; done; exec "$@"',
  'sh',
];

export function makeLab({
  folder,
  host,
  outside,
  cleanup,
}: Pick<Lab, 'folder' | 'host' | 'outside' | 'cleanup'>): Lab {
  const cli = [process.execPath, join(packageRoot(), 'dist', 'cli.js')];
  return {
    folder,
    host,
    outside,
    cleanup,
    startEngine: (options = {}) => startEngine({ folder, host, cleanup }, options),
    startNginx: (options = {}) => startNginx({ folder, host, cleanup }, options),
    portcullis: (args, { env, ...options } = {}) =>
      host.run(
        [
          ...(args.includes('init') ? WITHOUT_THE_MACHINES : []),
          ...['env', ...Object.entries(env ?? {}).map(([k, v]) => `${k}=${v ?? ''}`)],
          ...[...cli, ...args],
        ],
        options,
      ),
    startPortcullis(args, env = {}) {
      const started = host.start([...cli, ...args], { ...process.env, ...env });
      return {
        ...started,
        saw: (pattern, limitMs) =>
          waitUntil(
            `portcullis says ${pattern}; it said:\n${started.output()}`,
            () =>
              started
                .output()
                .split('\n')
                .find((line) => pattern.test(line)),
            limitMs,
          ),
      };
    },
    close: () => cleanup.run(),
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Takes the lab away also when nobody closes it; gives what ends this watch. */
function sweepAtExit(folder: string): () => void {
  const atExit = (): void => sweep(folder);
  const atSignal = (signal: NodeJS.Signals): void => {
    forget();
    sweep(folder);
    process.kill(process.pid, signal); // ends this process, as it would have without the lab
  };
  const forget = (): void => {
    process.off('exit', atExit);
    for (const signal of SIGNALS) process.off(signal, atSignal);
  };
  process.once('exit', atExit);
  for (const signal of SIGNALS) process.once(signal, atSignal);
  return forget;
}

export function namespace(name: string): Namespace {
  const enter = [findProgram('nsenter') ?? 'nsenter', `--net=/run/netns/${name}`, '--'];
  const runIn: Namespace['run'] = (argv, options) =>
    run(enter[0] ?? '', [...enter.slice(1), ...argv], options);
  return {
    name,
    run: runIn,
    async ok(argv, options) {
      const { code, stdout, stderr } = await runIn(argv, options);
      if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
      return stdout;
    },
    start: (argv, env) => start([...enter, ...argv], env),
  };
}

export async function makeNamespace(name: string): Promise<Namespace> {
  await must(['ip', 'netns', 'add', name]);
  const made = namespace(name);
  await made.ok(['ip', 'link', 'set', 'lo', 'up']);
  return made;
}

async function joinNamespaces(
  host: Namespace,
  outside: Namespace,
  { device, v4, v6 }: { device: string; v4: readonly string[]; v6: readonly string[] },
): Promise<void> {
  await must([
    ...['ip', 'link', 'add', device, 'netns', host.name],
    ...['type', 'veth', 'peer', 'name', device, 'netns', outside.name],
  ]);
  for (const [index, each] of [host, outside].entries()) {
    await each.ok(['ip', 'addr', 'add', `${v4[index]}/24`, 'dev', device]);
    await each.ok(['ip', '-6', 'addr', 'add', `${v6[index]}/64`, 'dev', device, 'nodad']);
    await each.ok(['ip', 'link', 'set', device, 'up']);
  }
}

export async function must([command = '', ...args]: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}
