import type { Command } from 'commander';
import { confirm } from './confirm.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

type InitOptions = GlobalOptions & { readonly undo?: true; readonly yes?: true };

export function addInit(program: Command): void {
  program
    .command('init')
    .description('make Nginx read what Portcullis writes, and the firewall load at boot')
    .option('--undo', 'take both away again')
    .option('-y, --yes', 'do not ask')
    .action(async (_options: unknown, command: Command) => {
      await init(command.optsWithGlobals<InitOptions>());
    });
}

async function init(options: InitOptions): Promise<void> {
  const log = logFor(options);
  const { settings } = await settingsFor(options, log);
  const { nginxSteps, nginxUndoSteps } = await import('../app/init.ts');
  const { bootSteps, bootUndoSteps } = await import('../app/init-boot.ts');
  const steps = options.undo
    ? [...(await bootUndoSteps()), ...(await nginxUndoSteps(settings))]
    : [...(await nginxSteps(settings, log, options)), ...(await bootSteps(settings))];
  if (steps.length === 0) {
    print([options.undo ? 'nothing to undo' : 'nothing to do: it is set up already']);
    return;
  }
  print(steps.map(({ shown }) => shown.trimEnd()));
  if (!(await confirm('Change this?', options))) {
    print(['nothing was changed']);
    return;
  }
  for (const { act } of steps) await act();
  print([
    options.undo
      ? 'done: reload Nginx to let it forget'
      : 'done: now run "portcullis generate" or "portcullis watch"',
  ]);
}
