import { Option, type Command } from 'commander';
import { PortcullisError } from '../errors.ts';
import type { Audit } from '../app/audit.ts';
import { pathOption } from './arguments.ts';
import { EXIT_FOUND } from './exit-codes.ts';
import { logFor, paintFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';
import { createProgress } from './progress.ts';

const FORMATS = ['table', 'json', 'sarif', 'prometheus'] as const;

type AuditOptions = GlobalOptions & {
  readonly json?: true;
  readonly probe?: true;
  readonly format: (typeof FORMATS)[number];
  readonly compareNmap?: string;
};

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description(`who can reach what; exit ${EXIT_FOUND} when a path is open that should not be`)
    .option('--probe', 'prove it: send the packets, from a network namespace made for it')
    .addOption(new Option('--format <format>', 'how to print').choices(FORMATS).default('table'))
    .option('--json', 'the same as --format json')
    .addOption(
      pathOption(
        '--compare-nmap <file.xml>',
        'list every difference from what "nmap -oX" of another machine found',
      ),
    )
    .action(async (_options: unknown, command: Command) => auditAll(command.optsWithGlobals()));
  program.command('stranger', { hidden: true }).action(async () => {
    const { beStranger } = await import('../adapters/stranger-process.ts');
    await beStranger();
  });
}

async function auditAll(options: AuditOptions): Promise<void> {
  const { json, format, probe, compareNmap } = options;
  if (json && format !== 'table' && format !== 'json') {
    throw new PortcullisError('bad-usage', `--json and --format ${format} exclude each other`);
  }
  const { settings } = await settingsFor(options, logFor(options));
  const [{ openDocker }, { audit }, { run }] = await Promise.all([
    import('../adapters/docker.ts'),
    import('../app/audit.ts'),
    import('../adapters/run.ts'),
  ]);
  const source = await openDocker({ url: options.docker, env: process.env });
  const progress = createProgress(process.stderr, 'probes answered');
  const result = await audit(settings, {
    source,
    run,
    probe: probe && progress,
    nmapFile: compareNmap,
  });
  await printAs(json ? 'json' : format, result, options);
  if (isAlarm(result)) process.exitCode = EXIT_FOUND;
}

/** A port of the Swarm is told, and no alarm: the other nodes do need it. */
const isAlarm = ({ findings, disagreements, host_findings, nmap }: Audit): boolean =>
  findings.some(({ verdict }) => verdict === 'open') ||
  disagreements.length > 0 ||
  host_findings.some(({ what, verdict }) => what === 'docker-api' && verdict === 'open') ||
  (nmap ?? []).some(({ audit }) => audit !== 'no container port');

async function printAs(
  format: AuditOptions['format'],
  result: Audit,
  options: AuditOptions,
): Promise<void> {
  switch (format) {
    case 'json':
      process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return;
    case 'sarif': {
      const [{ sarif }, { version }] = await Promise.all([
        import('../core/exposure/sarif.ts'),
        import('../version.ts'),
      ]);
      process.stdout.write(`${JSON.stringify(sarif(result.findings, version()), null, 2)}\n`);
      return;
    }
    case 'prometheus': {
      const { prometheus } = await import('../core/exposure/prometheus.ts');
      const text = prometheus(result.findings, {
        enforced: result.firewall.enforced,
        disagreements: result.disagreements.length,
        now: Math.floor(Date.now() / 1_000),
      });
      process.stdout.write(text);
      return;
    }
    case 'table':
    default: {
      const { auditTable } = await import('../core/exposure/table.ts');
      print(auditTable(result, paintFor(options, process.stdout)));
    }
  }
}
