import { Option, type Command } from 'commander';
import { EXIT_FOUND } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

type AuditOptions = GlobalOptions & {
  readonly json?: true;
  readonly probe?: true;
  readonly format: 'table' | 'json';
};

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description(`who can reach what; exit ${EXIT_FOUND} when a path is open that should not be`)
    .option('--probe', 'prove it: send the packets, from a network namespace made for it')
    .addOption(
      new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'),
    )
    .option('--json', 'the same as --format json')
    .action(async (_options: unknown, command: Command) => auditAll(command.optsWithGlobals()));
  program.command('stranger', { hidden: true }).action(async () => {
    const { beStranger } = await import('../adapters/stranger-process.ts');
    await beStranger();
  });
}

async function auditAll(options: AuditOptions): Promise<void> {
  const { settings } = await settingsFor(options, logFor(options));
  const [{ openDocker }, { audit }, { run }, { auditTable, wrapped }] = await Promise.all([
    import('../adapters/docker.ts'),
    import('../app/audit.ts'),
    import('../adapters/run.ts'),
    import('../core/exposure/table.ts'),
  ]);
  const source = await openDocker({ url: options.docker, env: process.env });
  const probe = options.probe && progress;
  const result = await audit(settings, { source, run, probe });
  if (options.json || options.format === 'json') {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } else {
    print(auditTable(result.findings, result.disagreements));
    for (const note of result.notes) print(['', ...wrapped(note)]);
  }
  const open = result.findings.some(({ verdict }) => verdict === 'open');
  if (open || result.disagreements.length > 0) process.exitCode = EXIT_FOUND;
}

function progress(count: number, of: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r${count} of ${of} probes answered${count === of ? '\n' : ''}`);
}
