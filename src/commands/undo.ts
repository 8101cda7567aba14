import type { Command } from 'commander';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

export function addUndo(program: Command): void {
  program
    .command('undo')
    .description('go back to the previous generation of Nginx files')
    .option('--no-reload', 'switch without a reload; Nginx need not be running')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { reload: boolean }>();
      const log = logFor(options);
      const { settings } = await settingsFor(options, log);
      const [{ openPublisher }, { withLock }] = await Promise.all([
        import('../app/open-publisher.ts'),
        import('../app/with-lock.ts'),
      ]);
      const { publisher } = await openPublisher(settings, log, options);
      const { from, to, reloaded } = await withLock(settings.nginx.dir, () =>
        publisher.undo({ reload: options.reload }),
      );
      print([
        `generation ${to} is live again, instead of ${from}${reloaded ? '; Nginx reloaded' : ''}`,
      ]);
    });
}
