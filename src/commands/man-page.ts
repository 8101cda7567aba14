import type { Command } from 'commander';
import { manPage, type ManCommand, type ManOption } from '../core/man-page.ts';

/** Hidden: the build writes what it prints beside the program. */
export function addManPage(program: Command): void {
  program.command('man-page', { hidden: true }).action(async () => {
    process.stdout.write(await manPageOf(program));
  });
}

export async function manPageOf(program: Command): Promise<string> {
  const { settingsWithMeaning } = await import('../core/settings-meanings.ts'); // late: only needed here
  const help = program.createHelp();
  const optionsOf = (command: Command): readonly ManOption[] =>
    help
      .visibleOptions(command)
      .filter(({ long }) => command === program || long !== '--help')
      .map((option) => ({ flags: option.flags, description: help.optionDescription(option) }));
  const leaves = (command: Command, before: string): readonly ManCommand[] => {
    const name = `${before}${command.name()}`;
    const nested = help.visibleCommands(command).filter((each) => each.name() !== 'help');
    if (nested.length > 0) return nested.flatMap((each) => leaves(each, `${name} `));
    const { length } = optionsOf(command);
    const usage = command.registeredArguments.map((argument) =>
      argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
    );
    return [
      {
        name,
        usage: [...(length > 0 ? ['[options]'] : []), ...usage].join(' '),
        description: command.description(),
        options: optionsOf(command),
      },
    ];
  };
  return manPage({
    program: program.name(),
    version: program.version() ?? '',
    description: program.description(),
    options: optionsOf(program),
    commands: help
      .visibleCommands(program)
      .filter((command) => command.name() !== 'help')
      .flatMap((command) => leaves(command, '')),
    settings: settingsWithMeaning(),
  });
}
