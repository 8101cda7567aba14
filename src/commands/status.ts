import type { Command } from 'commander';
import { PortcullisError } from '../errors.ts';
import { EXIT_FAILED } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

type StatusOptions = GlobalOptions & { readonly json?: true };

export function addStatus(program: Command): void {
  program
    .command('status')
    .description(`what the running watch is doing; exit ${EXIT_FAILED} when it is not well`)
    .option('--json', 'as JSON')
    .action(async (_options: unknown, command: Command) => {
      await printStatus(command.optsWithGlobals<StatusOptions>());
    });
}

async function printStatus(options: StatusOptions): Promise<void> {
  const { settings } = await settingsFor(options, logFor(options));
  const { listen } = settings.status;
  if (listen === '') {
    throw new PortcullisError(
      'not-running',
      'status.listen is empty: watch tells nobody its status',
    );
  }
  const [{ askStatus }, { complaints, statusLines }] = await Promise.all([
    import('../adapters/status-server.ts'),
    import('../core/status.ts'),
  ]);
  const status = await askStatus(listen);
  if (options.json) process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
  else print(statusLines(status));
  if (complaints(status).length > 0) process.exitCode = EXIT_FAILED;
}
