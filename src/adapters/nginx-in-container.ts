import { parseNginxBuild, type NginxBuild } from '../core/nginx-build.ts';
import { PortcullisError } from '../errors.ts';
import type { ContainerControl } from './container-control.ts';
import type { Nginx } from './nginx-control.ts';
import { isMasterTitle } from './nginx-master.ts';
import type { RunResult } from './run.ts';

const CALL_TIMEOUT_MS = 10_000;

/**
 * An Nginx in a container, asked through Docker. nginx.dir must lie in the container at the same
 * path as here.
 *
 * @param container name or id
 */
export function openContainerNginx(
  container: string,
  { control, binary }: { readonly control: ContainerControl; readonly binary: string },
): Nginx {
  let known: NginxBuild | undefined;

  const exec = (argv: readonly string[], timeoutMs = CALL_TIMEOUT_MS): Promise<RunResult> =>
    control.exec(container, argv, AbortSignal.timeout(timeoutMs));

  /** Is Nginx's master the container's first process, the one that Docker signals? */
  const isFirst = async (): Promise<boolean> => {
    try {
      const { code, stdout } = await exec(['cat', '/proc/1/cmdline']);
      return code === 0 && isMasterTitle(stdout);
    } catch (error) {
      if (isRefused(error)) return false; // an image without `cat`
      throw error;
    }
  };

  return {
    async build() {
      if (known) return known;
      const { stdout, stderr } = await exec([binary, '-V']);
      known = parseNginxBuild(`${stderr}${stdout}`);
      if (known) return known;
      throw new PortcullisError(
        'nginx-missing',
        `${binary} -V in container ${container} does not answer as Nginx does: nginx.control must name the container that Nginx runs in`,
        { detail: `${stdout}${stderr}` },
      );
    },
    async test(configPath, timeoutMs) {
      try {
        return await exec([binary, '-t', '-q', '-c', configPath], timeoutMs);
      } catch (error) {
        const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
        if (timedOut) return { code: 137, stdout: '', stderr: '', timedOut };
        throw error;
      }
    },
    masterPid: async () => undefined,
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
      if (await isFirst()) {
        await control.kill(container, 'HUP', AbortSignal.timeout(CALL_TIMEOUT_MS));
        return;
      }
      // An entry script or a supervisor is first; what it does on SIGHUP is not known.
      const { code, stdout, stderr } = await exec([binary, '-s', 'reload'], 30_000);
      if (code === 0) return;
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
