import { Option, type Command } from 'commander';
import type { Step } from '../app/init-step.ts';
import type { LoadedSettings } from '../settings.ts';
import { confirm } from './confirm.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

type InitOptions = GlobalOptions & {
  readonly undo?: true;
  readonly yes?: true;
  readonly enable?: true;
  /** False with `--no-units`. */
  readonly units: boolean;
};

export function addInit(program: Command): void {
  program
    .command('init')
    .description(
      'make Nginx read what Portcullis writes, and systemd load the firewall and run watch',
    )
    .option('--undo', 'take all of it away again')
    .addOption(
      new Option('--enable', 'enable and start the unit of "watch" as well').conflicts([
        'undo',
        'units',
      ]),
    )
    .option('--no-units', 'Nginx only: no files for systemd and logrotate')
    .option('-y, --yes', 'do not ask')
    .action(async (_options: unknown, command: Command) => {
      await init(command.optsWithGlobals<InitOptions>());
    });
}

async function init(options: InitOptions): Promise<void> {
  const loaded = await settingsFor(options, logFor(options));
  const steps = options.undo ? await undoSteps(loaded, options) : await doSteps(loaded, options);
  if (steps.length === 0) {
    print([
      options.undo ? 'nothing to undo' : 'nothing to do: it is set up already',
      ...(await notes(options)),
    ]);
    return;
  }
  print(steps.map(({ shown }) => shown.trimEnd()));
  if (!(await confirm('Change this?', options))) {
    print(['nothing was changed']);
    return;
  }
  for (const { act } of steps) await act();
  print([
    options.undo ? 'done: reload Nginx to let it forget' : await nextLine(options),
    ...(await notes(options)),
  ]);
}

async function doSteps(loaded: LoadedSettings, options: InitOptions): Promise<readonly Step[]> {
  const [{ nginxSteps }, { bootSteps }, { watchSteps }, { logrotateSteps }] = await Promise.all([
    import('../app/init.ts'),
    import('../app/init-boot.ts'),
    import('../app/init-watch.ts'),
    import('../app/init-logrotate.ts'),
  ]);
  const { settings, file } = loaded;
  const nginx = await nginxSteps(settings, logFor(options), options);
  if (!options.units) return nginx;
  const { docker } = options;
  return [
    ...nginx,
    ...(await bootSteps(settings)),
    ...(await logrotateSteps(settings)),
    ...(await watchSteps(settings, { file, docker, enable: options.enable === true })),
  ];
}

/** The watch ends first: it would put back what is taken away after it. */
async function undoSteps(
  { settings }: LoadedSettings,
  options: InitOptions,
): Promise<readonly Step[]> {
  const [{ nginxUndoSteps }, { bootUndoSteps }, { watchUndoSteps }, { logrotateUndoSteps }] =
    await Promise.all([
      import('../app/init.ts'),
      import('../app/init-boot.ts'),
      import('../app/init-watch.ts'),
      import('../app/init-logrotate.ts'),
    ]);
  const units = options.units
    ? [...(await watchUndoSteps()), ...(await logrotateUndoSteps()), ...(await bootUndoSteps())]
    : [];
  return [...units, ...(await nginxUndoSteps(settings))];
}

async function nextLine({ units, enable }: InitOptions): Promise<string> {
  const { runsSystemd, SYSTEMD } = await import('../adapters/systemd.ts');
  if (!units || !(await runsSystemd(SYSTEMD))) {
    return 'done: now run "portcullis generate" or "portcullis watch"';
  }
  return enable
    ? 'done: "portcullis status" tells what the watch is doing'
    : 'done: the watch is not enabled yet; "systemctl enable --now portcullis" starts it, now and at each boot';
}

/** What a person would else find out later. */
async function notes({ undo, units }: InitOptions): Promise<readonly string[]> {
  if (undo || !units) return [];
  const { runsSystemd, SYSTEMD } = await import('../adapters/systemd.ts');
  const { ENVIRONMENT_FILE } = await import('../core/watch-unit.ts');
  if (!(await runsSystemd(SYSTEMD))) {
    return [
      'no unit was installed: this host does not run systemd; let its init run "portcullis watch", and "portcullis firewall apply --yes" before Docker starts',
    ];
  }
  const { unseenVariables } = await import('../app/init-watch.ts');
  const unseen = unseenVariables(process.env);
  if (unseen.length === 0) return [];
  return [`the unit does not see this shell: put ${unseen.join(', ')} into ${ENVIRONMENT_FILE}`];
}
