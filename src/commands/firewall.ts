import type { Command } from 'commander';
import type { FirewallBackend } from '../adapters/firewall-backend.ts';
import type { DockerSource } from '../adapters/docker.ts';
import type { HostPort, Ruleset } from '../core/firewall/ruleset.ts';
import type { FirewallPolicy } from '../core/firewall/policy.ts';
import { printable } from '../core/problem-text.ts';
import type { Settings } from '../core/settings-schema.ts';
import { confirm } from './confirm.ts';
import { EXIT_FOUND, EXIT_REJECTED } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print, printProblems } from './print.ts';

type FirewallOptions = GlobalOptions & { readonly json?: true; readonly yes?: true };

export function addFirewall(program: Command): void {
  const firewall = program
    .command('firewall')
    .description('the ruleset that leaves no way in but Nginx');
  const add = (
    name: string,
    description: string,
    act: (options: FirewallOptions) => Promise<void>,
  ): Command =>
    firewall
      .command(name)
      .description(description)
      .action(async (_options: unknown, command: Command) => act(command.optsWithGlobals()));
  add('apply', 'make the kernel hold the ruleset', apply).option('-y, --yes', 'do not ask');
  add('remove', 'take every trace of it away', remove).option('-y, --yes', 'do not ask');
  add('show', 'print the ruleset', show).option('--json', 'as JSON');
  add('check', `compare it with the kernel; exit ${EXIT_FOUND} on a difference`, check).option(
    '--json',
    'as JSON',
  );
}

type Opened = {
  readonly settings: Settings;
  readonly source: DockerSource;
  readonly backend: FirewallBackend;
  readonly policy: FirewallPolicy;
};

async function open(options: FirewallOptions): Promise<Opened> {
  const { settings } = await settingsFor(options, logFor(options));
  const [{ openDocker }, { openBackend, policyNow }, { run }, { firewallSnapshot }] =
    await Promise.all([
      import('../adapters/docker.ts'),
      import('../app/firewall.ts'),
      import('../adapters/run.ts'),
      import('../app/firewall-snapshot.ts'),
    ]);
  const source = await openDocker({ url: options.docker, env: process.env });
  const signal = AbortSignal.timeout(30_000);
  const backend = await openBackend(settings, { source, run, signal });
  const policy = await policyNow(settings, await firewallSnapshot(source, settings, signal));
  return { settings, source, backend, policy };
}

async function apply(options: FirewallOptions): Promise<void> {
  const { settings, backend, policy } = await open(options);
  const drift = await backend.drift(policy.ruleset);
  if (drift.length === 0) {
    print([`nothing to do: ${backend.kind} holds the ruleset`]);
  } else {
    print(closingLines(policy.ruleset));
    if (!(await confirm(`Enforce this with ${backend.kind}?`, options))) {
      print(['nothing was changed']);
      return;
    }
    await backend.apply(policy.ruleset);
    const { writeBootFiles } = await import('../adapters/boot-file.ts');
    await writeBootFiles(policy.ruleset, backend.kind, settings.firewall.state_dir);
    print([`enforced with ${backend.kind}`]);
  }
  tellGaps(backend);
  printProblems(policy.problems);
  if (policy.problems.length > 0) process.exitCode = EXIT_REJECTED;
}

async function remove(options: FirewallOptions): Promise<void> {
  const { settings } = await settingsFor(options, logFor(options));
  const [{ removeAll }, { removeBootFiles }, { run }] = await Promise.all([
    import('../adapters/choose-backend.ts'),
    import('../adapters/boot-file.ts'),
    import('../adapters/run.ts'),
  ]);
  if (
    !(await confirm(
      'Take the firewall of Portcullis away? Published ports are open again then.',
      options,
    ))
  ) {
    print(['nothing was changed']);
    return;
  }
  await removeAll(run);
  await removeBootFiles(settings.firewall.state_dir);
  print(['removed: no rule of Portcullis is left']);
}

async function show(options: FirewallOptions): Promise<void> {
  const { backend, policy } = await open(options);
  if (options.json) {
    const { ruleset } = policy;
    process.stdout.write(
      `${JSON.stringify({ backend: backend.kind, ruleset, gaps: backend.gaps }, null, 2)}\n`,
    );
  } else {
    process.stdout.write(backend.show(policy.ruleset));
    tellGaps(backend);
  }
  printProblems(policy.problems);
}

async function check(options: FirewallOptions): Promise<void> {
  const { backend, policy } = await open(options);
  const drift = await backend.drift(policy.ruleset);
  const enforced = drift.length === 0;
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ backend: backend.kind, enforced, drift, gaps: backend.gaps }, null, 2)}\n`,
    );
  } else {
    print(
      enforced
        ? [`enforced with ${backend.kind}: the kernel holds the ruleset`]
        : [
            `not as it should be (${backend.kind}); "portcullis firewall apply" mends it:`,
            ...drift.map(({ what, expected, found }) =>
              printable(`  ${what}: expected ${expected}, found ${found}`),
            ),
          ],
    );
    tellGaps(backend);
  }
  if (!enforced) process.exitCode = EXIT_FOUND;
}

/** What `apply` is about to close and leave open, in words. */
function closingLines({
  bridges,
  held,
  grants,
  trustedInterfaces,
  trustedSources,
}: Ruleset): readonly string[] {
  const granted = new Set(grants.map(portText));
  const closed = held.map(portText).filter((port) => !granted.has(port));
  const list = (items: readonly string[]): string => (items.length > 0 ? items.join(' ') : 'none');
  return [
    `closed to the outside: every container on ${list(bridges)}`,
    `closed host ports of containers: ${list(closed)}`,
    `left open by labels: ${list(grants.map((grant) => `${portText(grant)} from ${list(grant.sources)}`))}`,
    `trusted: ${list([...trustedInterfaces, ...trustedSources])}`,
    'every port that is no container’s, as SSH, stays as it is',
  ];
}

const portText = ({ protocol, port, address }: HostPort): string =>
  `${address === undefined ? '' : `${address}:`}${port}/${protocol}`;

function tellGaps({ kind, gaps }: FirewallBackend): void {
  for (const gap of gaps) process.stderr.write(`${kind} cannot close: ${gap}\n`);
}
