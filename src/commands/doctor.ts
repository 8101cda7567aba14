import type { Command } from 'commander';
import { EXIT_FOUND } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

type DoctorOptions = GlobalOptions & { readonly json?: true };

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      `checks the set-up and says how to fix it; exit ${EXIT_FOUND} when there is a problem`,
    )
    .option('--json', 'as JSON')
    .action(async (_options: unknown, command: Command) =>
      examine(command.optsWithGlobals<DoctorOptions>()),
    );
}

async function examine(options: DoctorOptions): Promise<void> {
  const loaded = await settingsFor(options, logFor(options));
  const [{ doctor }, { hasProblem, reportLines }] = await Promise.all([
    import('../app/doctor.ts'),
    import('../core/doctor/report.ts'),
  ]);
  const checks = await doctor(loaded, options.docker);
  const colour = options.color && !process.env['NO_COLOR'] && process.stdout.isTTY;
  if (options.json) process.stdout.write(`${JSON.stringify(checks, null, 2)}\n`);
  else print(reportLines(checks, colour));
  if (hasProblem(checks)) process.exitCode = EXIT_FOUND;
}
