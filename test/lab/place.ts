import type { RunOptions, RunResult } from '../../src/adapters/run.ts';
import type { Cleanup } from './cleanup.ts';
import type { Started } from './processes.ts';

export type Namespace = {
  readonly name: string;
  /** Runs a program inside, without a shell. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** As `run`, but an exit code other than 0 throws, with what it printed. */
  ok(argv: readonly string[], options?: RunOptions): Promise<string>;
  start(argv: readonly string[], env?: NodeJS.ProcessEnv): Started;
};

/** Where the parts of a lab live. */
export type Place = {
  readonly folder: string;
  readonly host: Namespace;
  readonly cleanup: Cleanup;
};
