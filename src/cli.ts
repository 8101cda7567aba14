/** Parses the command line, and maps errors to exit codes: the only place that does. */
import { CommanderError } from 'commander';
import { EXIT_FAILED, EXIT_USAGE } from './commands/exit-codes.ts';
import { printable } from './core/problem-text.ts';
import { PortcullisError, type ErrorCode } from './errors.ts';
import { buildProgram } from './program.ts';

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
  // Docker's and Nginx's own words may hold what others have named.
  process.stderr.write(`portcullis: ${printable(error.message)}\n`);
  for (const line of error.detail?.trimEnd().split('\n') ?? []) {
    process.stderr.write(`  ${line.split('\t').map(printable).join('\t')}\n`);
  }
}

function failedToPrint({ code = '' }: NodeJS.ErrnoException): never {
  const why = code === 'ENOSPC' ? 'no space left (ENOSPC)' : code;
  process.stderr.write(`portcullis: cannot write to standard output: ${why}\n`);
  process.exit(EXIT_FAILED);
}

// A reader that went away, as `| head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  failedToPrint(error);
});

// Nobody reads what is told: the work goes on all the same.
process.stderr.on('error', () => {});

async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync();
  } catch (error) {
    report(error);
    process.exitCode = exitCodeOf(error);
  }
}

void main();
