/** The command line, as commander is told it. */
import { Command, Option } from 'commander';
import { LEVELS } from './adapters/log.ts';
import { pathOption } from './commands/arguments.ts';
import { addCommands } from './commands/commands.ts';
import { version } from './version.ts';

export function buildProgram(): Command {
  const program = new Command('portcullis')
    .description('Nginx sites from container labels, and a firewall that leaves no other way in')
    .version(version(), '-V, --version')
    .addOption(
      pathOption(
        '-c, --config <file>',
        'configuration file (default: ./portcullis.yaml, /etc/portcullis/portcullis.yaml)',
      ),
    )
    .option(
      '--docker <url>',
      'Docker API, as unix:///run/docker.sock or tcp://host:2376 (default: DOCKER_HOST)',
    )
    .addOption(
      new Option('--log-level <level>', 'least level to log').choices(LEVELS).default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'how to log')
        .choices(['pretty', 'json'])
        .default('pretty'),
    )
    .option('--no-color', 'no colour')
    .exitOverride()
    .showHelpAfterError('(portcullis --help lists the commands)')
    .showSuggestionAfterError();
  addCommands(program);
  return program;
}
