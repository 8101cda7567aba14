import { spawn, type StdioOptions } from 'node:child_process';

export type RunResult = {
  /** Exit code; 128 + signal number where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
};

export type RunOptions = {
  readonly stdin?: string;
  /** Default 30 000. After it the child and all that it started get SIGKILL. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Where the child may open /dev/stdout by name: ours is a socket, which cannot be opened. */
  readonly stdout?: 'ignore' | 'pipe';
  /** Told the child's pid at once, so that what it does can be known as ours. */
  readonly onSpawn?: (pid: number) => void;
};

export type Run = (
  command: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<RunResult>;

const SBIN = '/usr/local/sbin:/usr/sbin:/sbin';

/**
 * Runs a program without a shell and collects what it prints. Never rejects for an exit code.
 *
 * @throws the spawn error itself (`ENOENT`, `EACCES`, …) when the program cannot be started
 */
export const run: Run = (
  command,
  args,
  { stdin, timeoutMs = 30_000, signal, stdout: stdoutTo = 'pipe', onSpawn } = {},
) =>
  new Promise((resolve, reject) => {
    const stdio: StdioOptions = ['pipe', stdoutTo, 'pipe'];
    const child = spawn(command, args, {
      stdio,
      detached: true, // a group of its own, to end what it started along with it
      // Daemons and cron often lack sbin, where nginx, nft and iptables live.
      env: {
        ...process.env,
        LC_ALL: 'C',
        PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:${SBIN}`,
      },
      ...(signal && { signal, killSignal: 'SIGKILL' as const }),
    });
    child.once('error', reject);
    // Without file descriptors there is no child, and no stream either.
    if (child.pid === undefined) return;
    onSpawn?.(child.pid);
    const { pid } = child;
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const end = (): void => {
      killGroup(pid);
      // One that left the group may hold them open, and nobody waits for that one.
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, timeoutMs);
    signal?.addEventListener('abort', end, { once: true });
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.once('close', (code) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve({ code: code ?? 137, stdout, stderr, timedOut });
    });
    child.stdin?.on('error', () => {}); // the child may end before it has read everything
    child.stdin?.end(stdin ?? '');
  });

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it ended this moment
  }
}
