import type { Command } from 'commander';

/** In place of commander's own, which prints all the help, and no word why, for a command that is not known. */
export function addHelp(parent: Command): void {
  parent
    .command('help')
    .description('display help for command')
    .argument('[command]')
    .action(async (name: string | undefined) => {
      if (name === undefined) return parent.help();
      const asked = parent.commands.find((each) => each.name() === name);
      if (asked) return asked.help();
      await parent.parseAsync([name], { from: 'user' }); // fails as a wrong command does
    });
}
