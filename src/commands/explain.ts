import type { Command } from 'commander';
import type { Explanation } from '../app/explain.ts';
import { printable } from '../core/problem-text.ts';
import { askedAbout } from './arguments.ts';
import { logFor, paintFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print } from './print.ts';

type ExplainOptions = GlobalOptions & { readonly json?: true };

export function addExplain(program: Command): void {
  program
    .command('explain')
    .description('why: labels, decision, file, upstream, health, firewall, and one live request')
    .argument(
      '<host|container|port>',
      'a host name, a container by name or id, or a port of this host',
      askedAbout,
    )
    .option('--json', 'as JSON')
    .action(async (asked: string, _options: unknown, command: Command) => {
      await explainAll(asked, command.optsWithGlobals<ExplainOptions>());
    });
}

async function explainAll(asked: string, options: ExplainOptions): Promise<void> {
  const { settings } = await settingsFor(options, logFor(options));
  const [{ openDocker }, { explain }, { run }, { wrapped }] = await Promise.all([
    import('../adapters/docker.ts'),
    import('../app/explain.ts'),
    import('../adapters/run.ts'),
    import('../core/exposure/table.ts'),
  ]);
  const source = await openDocker({
    url: options.docker,
    env: process.env,
    compat: settings.compat,
  });
  const explained = await explain(asked, settings, { source, run, docker: options.docker });
  if (options.json) {
    process.stdout.write(`${JSON.stringify(explained, null, 2)}\n`);
    return;
  }
  const paint = paintFor(options, process.stdout);
  for (const { subject, steps } of explained) {
    print([
      paint('bold', printable(subject)),
      ...lines(steps).flatMap((line) => wrapped(line, 80, ' '.repeat(10))),
      '',
    ]);
  }
}

/** `about` stands once, in front of the first of its steps. */
const lines = (steps: Explanation['steps']): readonly string[] =>
  steps.map(({ about, text }, at) => {
    const same = steps[at - 1]?.about === about;
    return `${(same ? '' : about).padEnd(9)} ${text}`;
  });
