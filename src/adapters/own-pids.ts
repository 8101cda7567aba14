import type { Run } from './run.ts';

/** As many of our latest children as can have news on the way to the monitor. */
const MOST = 64;

/** A `run` that remembers the children it starts, to tell what they do from what others do. */
export function rememberingPids(run: Run): { run: Run; isOwn: (pid: number) => boolean } {
  const own: number[] = [];
  return {
    run: (command, args, options = {}) =>
      run(command, args, {
        ...options,
        onSpawn(pid) {
          own.push(pid);
          if (own.length > MOST) own.shift();
          options.onSpawn?.(pid);
        },
      }),
    isOwn: (pid) => own.includes(pid),
  };
}
