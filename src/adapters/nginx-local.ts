import { resolve } from 'node:path';
import { parseNginxBuild, type NginxBuild } from '../core/nginx-build.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import type { Nginx } from './nginx-control.ts';
import { masterByPidFile, masterBySystemd, type Master } from './nginx-master.ts';
import { NO_WORKERS, watchWorkers, workersOf } from './nginx-workers.ts';
import type { Run, RunResult } from './run.ts';

export type LocalOptions = {
  readonly control: 'auto' | 'local' | 'systemd';
  /** Name or path of the program. */
  readonly binary: string;
  readonly run: Run;
  /** What the configuration's `pid` directive says. */
  readonly pidPath: () => Promise<string | undefined>;
};

/** An Nginx on this machine, reloaded by a signal to its master, or by systemd. */
export function openLocalNginx({ control, binary, run, pidPath }: LocalOptions): Nginx {
  let known: NginxBuild | undefined;

  const start = async (args: readonly string[], timeoutMs: number): Promise<RunResult> => {
    try {
      return await run(binary, args, { timeoutMs, stdout: 'ignore' }); // it prints to stderr
    } catch (cause) {
      throw missing(binary, cause);
    }
  };

  const build = async (): Promise<NginxBuild> => {
    if (known) return known;
    const { stderr } = await start(['-V'], 10_000);
    known = parseNginxBuild(stderr);
    if (known) return known;
    throw new PortcullisError('nginx-missing', `${binary} -V does not answer as Nginx does`, {
      detail: stderr,
    });
  };

  const pidFile = async (): Promise<string> => {
    const given = await pidPath();
    if (given?.startsWith('/')) return given;
    const { prefix, pidPath: own } = await build();
    return given === undefined ? own : resolve(prefix, given);
  };

  const findMaster = async (): Promise<Master | undefined> => {
    const master = await masterByPidFile(await pidFile());
    return master ?? (control === 'local' ? undefined : masterBySystemd(run));
  };

  const requireMaster = async (): Promise<Master> => {
    const master = await findMaster();
    if (master) return master;
    throw notRunning(`no master process by ${await pidFile()}`);
  };

  return {
    build,
    async test(configPath, timeoutMs) {
      // Relative log and pid paths mean the running Nginx's files, so its prefix is taken over.
      const prefix = (await findMaster().catch(() => undefined))?.prefix;
      const args = ['-t', '-q', ...(prefix === undefined ? [] : ['-p', prefix]), '-c', configPath];
      return start(args, timeoutMs);
    },
    async requireRunning() {
      if (control !== 'systemd') {
        signalMaster((await requireMaster()).pid, 0);
        return;
      }
      const { code } = await systemctl(run, ['is-active', '--quiet', 'nginx']);
      if (code !== 0) throw notRunning('systemd says that nginx.service is not active');
    },
    async workers() {
      const master = await findMaster();
      return master ? workersOf(master.pid) : NO_WORKERS;
    },
    async reload() {
      const master = control === 'systemd' ? await findMaster() : await requireMaster();
      const workers = await watchWorkers(async () => (master ? workersOf(master.pid) : NO_WORKERS));
      if (master && control !== 'systemd') {
        signalMaster(master.pid, 'SIGHUP');
        return workers;
      }
      const { code, stderr } = await systemctl(run, ['reload', 'nginx']);
      if (code === 0) return workers;
      throw new PortcullisError('nginx-reload-failed', 'systemctl reload nginx failed', {
        detail: stderr,
      });
    },
  };
}

/** @param signal 0: only finds out whether it may */
function signalMaster(pid: number, signal: 'SIGHUP' | 0): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ESRCH') throw notRunning('it ended this moment');
    throw new PortcullisError(
      'nginx-reload-failed',
      `cannot signal Nginx (pid ${pid}, ${code}): run as root, as the user Nginx's master runs as, or with CAP_KILL; what was live stays live`,
      { cause },
    );
  }
}

async function systemctl(run: Run, args: readonly string[]): Promise<RunResult> {
  try {
    return await run('systemctl', args);
  } catch (cause) {
    throw new PortcullisError(
      'nginx-reload-failed',
      `cannot run systemctl (${codeOf(cause)}): set nginx.control to local where there is no systemd`,
      { cause },
    );
  }
}

export function notRunning(why: string): PortcullisError {
  return new PortcullisError(
    'nginx-not-running',
    `Nginx is not running (${why}): start it, as "systemctl start nginx", or use --no-reload; what was live stays live`,
  );
}

export function missing(binary: string, cause: unknown): PortcullisError {
  return new PortcullisError(
    'nginx-missing',
    `cannot run ${binary} (${codeOf(cause)}): install Nginx ("apt-get install nginx", "dnf install nginx", "apk add nginx"), or say with nginx.binary where it lies`,
    { cause },
  );
}
