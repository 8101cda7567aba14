/** Builds the program, parses the command line, and maps errors to exit codes: the only place that does. */
import { Command, CommanderError, Option } from 'commander';
import { LEVELS } from './adapters/log.ts';
import { addCommands } from './commands/commands.ts';
import { EXIT_FAILED, EXIT_USAGE } from './commands/exit-codes.ts';
import { PortcullisError, type ErrorCode } from './errors.ts';
import { version } from './version.ts';

export function buildProgram(): Command {
  const program = new Command('portcullis')
    .description('Nginx sites from container labels, and a firewall that leaves no other way in')
    .version(version(), '-V, --version')
    .option(
      '-c, --config <file>',
      'configuration file (default: ./portcullis.yaml, /etc/portcullis/portcullis.yaml)',
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

const WRONG_USE: readonly ErrorCode[] = ['bad-setting', 'bad-usage', 'nmap-file'];

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof PortcullisError) {
    return WRONG_USE.includes(error.code) ? EXIT_USAGE : EXIT_FAILED;
  }
  return EXIT_FAILED;
}

function report(error: unknown): void {
  if (error instanceof CommanderError) return; // commander has printed it
  if (!(error instanceof PortcullisError)) {
    console.error(error);
    return;
  }
  process.stderr.write(`portcullis: ${error.message}\n`);
  for (const line of error.detail?.trimEnd().split('\n') ?? []) process.stderr.write(`  ${line}\n`);
}

// A reader that went away, as `| head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync();
  } catch (error) {
    report(error);
    process.exitCode = exitCodeOf(error);
  }
}

void main();
