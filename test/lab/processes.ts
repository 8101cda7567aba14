import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

export type Started = {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Ends it and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  readonly ended: Promise<number | null>;
};

export function start(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Started {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('exit', resolve);
    child.once('error', reject);
  });
  ended.catch(() => {});
  return {
    pid: child.pid ?? 0,
    child,
    output: () => output,
    ended,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // The state follows the name, which may itself hold a parenthesis. A zombie is not alive.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] !== 'Z';
  } catch {
    return false;
  }
}

/** Ends a process that is no child of ours, by pid: SIGTERM, and SIGKILL when that is not heeded. */
export async function endByPid(pid: number, limitMs = 10_000): Promise<void> {
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(pid, signal);
    } catch {
      // gone already
    }
  };
  kill('SIGTERM');
  await waitUntil(`pid ${pid} ends`, () => !isAlive(pid), limitMs).catch(() => kill('SIGKILL'));
}

export const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-12).join('\n');
