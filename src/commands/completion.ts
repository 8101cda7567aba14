import { Argument, type Command, type Option } from 'commander';
import {
  bashCompletion,
  fishCompletion,
  zshCompletion,
  type Completion,
  type CompletionOption,
} from '../core/completion.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('a completion script, as: source <(portcullis completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => {
      process.stdout.write(SHELLS[shell](completionOf(program)));
    });
}

/** What commander knows, without the hidden parts. */
function completionOf(program: Command): Completion {
  const help = program.createHelp();
  const options = (command: Command): readonly CompletionOption[] =>
    help.visibleOptions(command).map(optionOf);
  return {
    program: program.name(),
    options: options(program),
    commands: help
      .visibleCommands(program)
      .filter((command) => command.name() !== 'help')
      .map((command) => {
        const nested = help.visibleCommands(command).filter((each) => each.name() !== 'help');
        const own = [...options(command), ...nested.flatMap(options)];
        return {
          name: command.name(),
          description: command.description(),
          options: [...new Map(own.map((each) => [each.flags.join(), each])).values()],
          words: [
            ...nested.map((each) => each.name()),
            ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
          ],
        };
      }),
  };
}

function optionOf({
  short,
  long,
  flags,
  description,
  argChoices,
  required,
  optional,
}: Option): CompletionOption {
  const names = [long, short].flatMap((name) => (name === undefined ? [] : [name]));
  const base = { flags: names, description };
  if (!required && !optional) return { ...base, value: 'none' };
  if (argChoices !== undefined) return { ...base, value: argChoices };
  if (/<(file|dir)/.test(flags))
    return { ...base, value: flags.includes('<dir') ? 'folder' : 'file' };
  return { ...base, value: 'any' };
}
