import { Option, type Command } from 'commander';
import { EXIT_FOUND, EXIT_REJECTED } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { readContainers } from './read-containers.ts';

type GenerateOptions = GlobalOptions & {
  readonly from?: string;
  readonly out?: string;
  readonly dryRun?: true;
  readonly diff?: true;
  readonly check?: true;
  readonly reload: boolean;
  readonly firewall: boolean;
};

export function addGenerate(program: Command): void {
  program
    .command('generate')
    .description('write the Nginx configuration once: read containers, test, publish, reload')
    .option(
      '--from <file>',
      'read containers from a JSON file ("-": standard input) instead of Docker',
    )
    .addOption(
      new Option('--out <dir>', 'write there; touch no Nginx and no firewall').conflicts([
        'dryRun',
        'diff',
        'check',
      ]),
    )
    .addOption(
      new Option('--dry-run', 'print the files, change nothing').conflicts(['diff', 'check']),
    )
    .addOption(new Option('--diff', 'print a unified diff against what is live, change nothing'))
    .option('--check', `change nothing; exit ${EXIT_FOUND} if anything would change`)
    .option('--no-reload', 'publish without a reload; Nginx need not be running')
    .option('--no-firewall', 'leave the firewall alone')
    .action(async (_options: unknown, command: Command) => {
      await generate(command.optsWithGlobals<GenerateOptions>());
    });
}

async function generate(options: GenerateOptions): Promise<void> {
  const log = logFor(options);
  const { settings } = await settingsFor(options, log);
  const containers = await readContainers(options);
  const { createCandidates } = await import('../app/candidates.ts');
  const candidates = createCandidates(settings)(containers);

  const { printProblems, print } = await import('./print.ts');
  if (options.out !== undefined || options.dryRun) {
    const { desireOffline } = await import('../app/offline.ts');
    const { plan, files } = await desireOffline(
      candidates,
      settings,
      options.out ?? settings.nginx.dir,
    );
    if (options.out !== undefined) {
      const { writeOut } = await import('../app/write-out.ts');
      print((await writeOut(options.out, files)).map(({ kind, path }) => `${kind} ${path}`));
    } else {
      for (const [path, text] of files) process.stdout.write(`# ---- ${path}\n${text}\n`);
    }
    printProblems(plan.problems);
    if (plan.problems.length > 0) process.exitCode = EXIT_REJECTED;
    return;
  }

  const { openPublisher } = await import('../app/open-publisher.ts');
  const { publisher, store } = await openPublisher(settings, log, options);
  const desired = await publisher.desire(candidates);
  if (options.diff || options.check) {
    const { shownFiles } = await import('../core/shown-files.ts');
    const actual = desired.live
      ? shownFiles(await store.liveFiles(desired.live))
      : new Map<string, string>();
    const { unifiedDiff } = await import('../app/unified-diff.ts');
    const { planFiles } = await import('../core/plan-files.ts');
    const wanted = shownFiles(desired.generation.siteFiles);
    if (options.diff) process.stdout.write(unifiedDiff(actual, wanted));
    else print(planFiles(actual, wanted).map(({ kind, path }) => `${kind} ${path}`));
    printProblems(desired.plan.problems);
    if (desired.plan.problems.length > 0) process.exitCode = EXIT_REJECTED;
    if (options.check && desired.changes.length > 0) process.exitCode = EXIT_FOUND;
    return;
  }
  const { withLock } = await import('../app/with-lock.ts');
  const published = await withLock(settings.nginx.dir, async () =>
    publisher.publish(await publisher.desire(candidates), { reload: options.reload }),
  );
  const { summaryLines } = await import('./print.ts');
  print(summaryLines(published));
  printProblems(published.plan.problems);
  if (published.plan.problems.length > 0) process.exitCode = EXIT_REJECTED;
}
