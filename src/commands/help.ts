import type { Command } from 'commander';

/** In place of commander's own, which prints all the help, and no word why, for a command that is not known. */
export function addHelp(parent: Command): void {
  parent
    .command('help')
    .description('display help for command')
    .argument('[command]')
    .action(async (name: string = '') => {
      const asked = name === '' ? parent : parent.commands.find((each) => each.name() === name);
      if (asked) asked.help();
      else await parent.parseAsync([name], { from: 'user' }); // fails as a wrong command does
    });
}
