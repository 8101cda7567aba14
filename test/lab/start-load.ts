import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Lab } from './lab.ts';
import type { LoadRequest, Tallies } from './load.ts';

export type Load = {
  /** What each client met since the last call. */
  tallies(): Promise<Tallies>;
  stop(): void;
};

/** Clients that ask from outside until they are stopped. */
export function startLoad({ outside, cleanup }: Lab, request: LoadRequest): Load {
  const child = spawn(
    'nsenter',
    [
      `--net=/run/netns/${outside.name}`,
      process.execPath,
      join(import.meta.dirname, 'load.js'),
      JSON.stringify(request),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const stop = (): void => void child.kill('SIGKILL');
  cleanup.add('load', stop);
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  return {
    stop,
    async tallies() {
      const line = new Promise<string>((resolve, reject) => {
        waiting.push(resolve);
        child.once('exit', (code) => reject(new Error(`the load ended with ${code}`)));
      });
      child.stdin.write('\n');
      const tallies: Tallies = JSON.parse(await line);
      return tallies;
    },
  };
}
