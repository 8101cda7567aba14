import { Option, type Command } from 'commander';
import type { Log } from '../adapters/log.ts';
import type { FirewallOutcome } from '../app/firewall-once.ts';
import type { Problem } from '../core/model.ts';
import type { Generation } from '../core/generation.ts';
import type { FileChange } from '../core/plan-files.ts';
import type { Candidate } from '../core/routes.ts';
import type { Settings } from '../core/settings-schema.ts';
import { fromOption, pathOption } from './arguments.ts';
import { EXIT_FOUND, EXIT_REJECTED } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print, printProblems, summaryLines } from './print.ts';
import { readContainers, ungrantedIn } from './read-containers.ts';

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
    .addOption(fromOption())
    .addOption(
      pathOption('--out <dir>', 'write there; touch no Nginx and no firewall', 'folder').conflicts([
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
  const containers = await readContainers(options, settings);
  const { createCandidates } = await import('../app/candidates.ts');
  const task = {
    ...{ options, settings, log, candidates: createCandidates(settings)(containers) },
    ungranted: options.firewall ? await ungrantedIn(containers, options, settings) : [],
  };
  if (options.out !== undefined || options.dryRun) await writeElsewhere(task);
  else if (options.diff || options.check) await compare(task);
  else await publish(task);
}

type Task = {
  readonly options: GenerateOptions;
  readonly settings: Settings;
  readonly log: Log;
  readonly candidates: readonly Candidate[];
  /** With `--from`: what the firewall of the host that the file tells of would refuse. */
  readonly ungranted: readonly Problem[];
};

/** `--out`, `--dry-run`: no Nginx, no firewall. */
async function writeElsewhere({ options, settings, candidates, ungranted }: Task): Promise<void> {
  const [{ desireOffline }, { namesIfThere }] = await Promise.all([
    import('../app/offline.ts'),
    import('../adapters/file-names.ts'),
  ]);
  const dir = options.out ?? settings.nginx.dir;
  const authFiles = await namesIfThere(settings.auth_dir);
  const { files, problems } = await desireOffline(candidates, settings, dir, { authFiles });
  if (options.out === undefined) {
    for (const [path, text] of files) process.stdout.write(`# ---- ${path}\n${text}\n`);
  } else {
    const { writeOut } = await import('../app/write-out.ts');
    print(changeLines(await writeOut(options.out, files)));
  }
  finish([...problems, ...ungranted]);
}

/** `--diff`, `--check`: changes nothing. */
async function compare(task: Task): Promise<void> {
  const { options, settings, log, candidates, ungranted } = task;
  const [{ openPublisher }, { standaloneFiles }, { planFiles }] = await Promise.all([
    import('../app/open-publisher.ts'),
    import('../core/shown-files.ts'),
    import('../core/plan-files.ts'),
  ]);
  const { publisher, store } = await openPublisher(settings, log, options);
  // The id alone is no difference that anybody looks for.
  const shown = ({ id, index, siteFiles }: Pick<Generation, 'id' | 'index' | 'siteFiles'>) =>
    standaloneFiles({ index: index.replace(id, '<generation>'), siteFiles });
  const { live, generation, changes, drift, problems } = await publisher.desire(candidates);
  if (drift.length > 0) log.warn('nginx-drift', { files: drift.join(' ') });
  const actual = live
    ? shown({ ...live, siteFiles: await store.liveFiles(live) })
    : new Map<string, string>();
  const wanted = shown(generation);
  if (options.diff) {
    const { unifiedDiff } = await import('../app/unified-diff.ts');
    process.stdout.write(unifiedDiff(actual, wanted));
  } else {
    print(changeLines(planFiles(actual, wanted)));
  }
  const firewall = await firewallPart(task, { dryRun: true });
  finish([...problems, ...(firewall?.problems ?? ungranted)]);
  if (
    options.check &&
    (changes.length > 0 || drift.length > 0 || (firewall?.differences ?? 0) > 0)
  ) {
    process.exitCode = EXIT_FOUND;
  }
}

async function publish(task: Task): Promise<void> {
  const { options, settings, log, candidates } = task;
  const [{ openPublisher }, { withLock }] = await Promise.all([
    import('../app/open-publisher.ts'),
    import('../app/with-lock.ts'),
  ]);
  const problems = await withLock(settings.nginx.dir, async () => {
    const { publisher } = await openPublisher(settings, log, options);
    const desired = await publisher.desire(candidates, { verify: true, retry: true });
    const { drift } = desired;
    if (drift.length > 0) {
      log.warn('nginx-drift', { files: drift.join(' '), action: settings.nginx.drift });
    }
    const published = await publisher.publish(desired, { reload: options.reload });
    print(summaryLines(published));
    const firewall = await firewallPart(task, { dryRun: false });
    return [...published.problems, ...(firewall?.problems ?? task.ungranted)];
  });
  finish(problems);
}

/** Undefined where the firewall is not asked for. A file may tell of another host, so with `--from` it is left alone. */
async function firewallPart(
  { options, settings }: Task,
  { dryRun }: { readonly dryRun: boolean },
): Promise<FirewallOutcome | undefined> {
  if (!options.firewall || settings.firewall.mode === 'off' || options.from !== undefined) {
    return undefined;
  }
  const [{ openDocker }, { firewallOnce }] = await Promise.all([
    import('../adapters/docker.ts'),
    import('../app/firewall-once.ts'),
  ]);
  const source = await openDocker({ url: options.docker, env: process.env });
  const outcome = await firewallOnce(settings, { source, dryRun });
  print([outcome.line]);
  return outcome;
}

const changeLines = (changes: readonly FileChange[]): readonly string[] =>
  changes.map(({ kind, path }) => `${kind} ${path}`);

function finish(problems: readonly Problem[]): void {
  printProblems(problems);
  if (problems.length > 0) process.exitCode = EXIT_REJECTED;
}
