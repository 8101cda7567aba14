import type { Command } from 'commander';
import { keepHeapSmall } from '../adapters/small-heap.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';

export function addWatch(program: Command): void {
  program
    .command('watch')
    .description('the sidecar: keep Nginx true to the containers, until SIGTERM')
    .action(async (_options: unknown, command: Command) => {
      await watchCommand(command.optsWithGlobals<GlobalOptions>());
    });
}

async function watchCommand(options: GlobalOptions): Promise<void> {
  keepHeapSmall();
  const log = logFor(options);
  const ended = new AbortController();
  const end = (signal: NodeJS.Signals): void => {
    log.info('ending', { signal });
    ended.abort();
  };
  process.once('uncaughtException', (error) => {
    log.error('ended-by-a-bug', { reason: error.message, detail: error.stack });
    process.exit(1); // the kernel frees the lock; routes and firewall stay
  });
  process.once('SIGTERM', end).once('SIGINT', end);
  process.on('SIGHUP', () => {}); // before the first settings are read there is nothing to read anew
  const { settings } = await settingsFor(options, log);
  const [{ openDocker }, { watch }, { createStatusBoard }, { version }] = await Promise.all([
    import('../adapters/docker.ts'),
    import('../app/watch.ts'),
    import('../app/status-board.ts'),
    import('../version.ts'),
  ]);
  const source = await openDocker({
    url: options.docker,
    env: process.env,
    compat: settings.compat,
  });
  try {
    await watch({
      source,
      docker: options.docker,
      load: () => settingsFor(options, log),
      log,
      now: () => performance.now(),
      random: Math.random,
      board: createStatusBoard(version(), new Date()),
      signal: ended.signal,
    });
  } catch (error) {
    // What a part that failed has left open must not keep half of a watch alive.
    setTimeout(() => process.exit(1), 3_000).unref();
    throw error;
  }
}
