import { parseNginxBuild, type NginxBuild } from '../core/nginx-build.ts';
import { PortcullisError } from '../errors.ts';
import type { ContainerControl } from './container-control.ts';
import type { Nginx } from './nginx-control.ts';
import { isMasterTitle } from './nginx-master.ts';
import { watchWorkers, workersAmong, type Workers } from './nginx-workers.ts';
import type { RunResult } from './run.ts';

const CALL_TIMEOUT_MS = 10_000;

/** Docker signals the first process only; this finds the master by its pid file, $1. */
const LIST_PROCESSES = `
read -r master < "$1" || exit
for pid in $master $(cat "/proc/$master/task/$master/children"); do
  echo "$pid $(cat "/proc/$pid/cmdline")"
done`;

type Process = { readonly pid: number; readonly title: string };

function parseProcess(line: string): Process {
  const [pid = '', ...title] = line.split(' ');
  return { pid: Number(pid), title: title.join(' ') };
}

export type ContainerOptions = {
  readonly control: ContainerControl;
  /** Name or path of the program in the container. */
  readonly binary: string;
  /** What the configuration's `pid` directive says. */
  readonly pidPath: () => Promise<string | undefined>;
};

/**
 * An Nginx in a container, asked through Docker. nginx.dir must lie in the container at the same
 * path as here.
 *
 * @param container name or id
 */
export function openContainerNginx(
  container: string,
  { control, binary, pidPath }: ContainerOptions,
): Nginx {
  let known: NginxBuild | undefined;

  const exec = (argv: readonly string[], timeoutMs = CALL_TIMEOUT_MS): Promise<RunResult> =>
    control.exec(container, argv, AbortSignal.timeout(timeoutMs));

  const build = async (): Promise<NginxBuild> => {
    if (known) return known;
    const { stdout, stderr } = await exec([binary, '-V']);
    known = parseNginxBuild(`${stderr}${stdout}`);
    if (known) return known;
    throw new PortcullisError(
      'nginx-missing',
      `${binary} -V in container ${container} does not answer as Nginx does: nginx.control must name the container that Nginx runs in`,
      { detail: `${stdout}${stderr}` },
    );
  };

  /** The master and its workers, the master first; none where the container has no shell. */
  const processes = async (): Promise<readonly Process[]> => {
    const given = (await pidPath()) ?? (await build()).pidPath;
    try {
      const { stdout } = await exec(['sh', '-c', LIST_PROCESSES, 'sh', given]);
      const found = stdout.split('\n').map(parseProcess);
      return found[0] && isMasterTitle(found[0].title) ? found : [];
    } catch (error) {
      if (isRefused(error)) return [];
      throw error;
    }
  };

  const workers = async (): Promise<Workers> => workersAmong(await processes());

  return {
    build,
    workers,
    async test(configPath, timeoutMs) {
      try {
        return await exec([binary, '-t', '-q', '-c', configPath], timeoutMs);
      } catch (error) {
        const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
        if (timedOut) return { code: 137, stdout: '', stderr: '', timedOut };
        throw error;
      }
    },
    async requireRunning() {
      try {
        await exec([binary, '-v']);
      } catch (cause) {
        if (!isRefused(cause)) throw cause;
        throw new PortcullisError(
          'nginx-not-running',
          `container ${container}, named by nginx.control, does not run: start it ("docker start ${container}"), or use --no-reload; what was live stays live`,
          { cause, detail: cause.message },
        );
      }
    },
    async reload() {
      const reload = await watchWorkers(workers);
      const [master] = await processes();
      if (master?.pid === 1) {
        await control.kill(container, 'HUP', AbortSignal.timeout(CALL_TIMEOUT_MS));
        return reload;
      }
      // An entry script or a supervisor is first; what it does on SIGHUP is not known.
      const { code, stdout, stderr } = await exec([binary, '-s', 'reload'], 30_000);
      if (code === 0) return reload;
      throw new PortcullisError(
        'nginx-reload-failed',
        `${binary} -s reload failed in container ${container}`,
        { detail: `${stdout}${stderr}` },
      );
    },
  };
}

const isRefused = (error: unknown): error is PortcullisError =>
  error instanceof PortcullisError && error.code === 'docker-refused';
