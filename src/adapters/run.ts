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
  /** Default 30 000. After it the child gets SIGKILL. */
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
      // Daemons and cron often lack sbin, where nginx, nft and iptables live.
      env: {
        ...process.env,
        LC_ALL: 'C',
        PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:${SBIN}`,
      },
      ...(signal && { signal, killSignal: 'SIGKILL' as const }),
    });
    if (child.pid !== undefined) onSpawn?.(child.pid);
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 137, stdout, stderr, timedOut });
    });
    child.stdin?.on('error', () => {}); // the child may end before it has read everything
    child.stdin?.end(stdin ?? '');
  });
