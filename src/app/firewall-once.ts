/** The firewall's part in `generate`: one look, one apply. */
import { writeBootFiles } from '../adapters/boot-file.ts';
import type { DockerSource } from '../adapters/docker.ts';
import { run } from '../adapters/run.ts';
import type { Problem } from '../core/model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { firewallSnapshot } from './firewall-snapshot.ts';
import { openBackend, policyNow } from './firewall.ts';

export type FirewallOutcome = {
  /** One line for people. */
  readonly line: string;
  /** Differences between the ruleset and the kernel before. */
  readonly differences: number;
  readonly problems: readonly Problem[];
};

/**
 * Enforces, or in mode `audit` and with `dryRun` only compares.
 *
 * @throws {PortcullisError} `firewall-unavailable` or `firewall-rejected`
 */
export async function firewallOnce(
  settings: Settings,
  { source, dryRun }: { source: DockerSource; dryRun: boolean },
): Promise<FirewallOutcome> {
  const signal = AbortSignal.timeout(30_000);
  const backend = await openBackend(settings, { source, run, signal });
  const { ruleset, problems } = await policyNow(
    settings,
    await firewallSnapshot(source, settings, signal),
  );
  const drift = await backend.drift(ruleset);
  const differences = `${drift.length} difference${drift.length === 1 ? '' : 's'}`;
  const outcome = { differences: drift.length, problems };
  if (settings.firewall.mode === 'audit') {
    const line = `firewall: not enforced (mode audit); ${differences}`;
    return { ...outcome, line };
  }
  if (dryRun) return { ...outcome, line: `firewall: ${differences}` };
  if (drift.length > 0) await backend.apply(ruleset);
  await writeBootFiles(ruleset, backend.kind, settings.firewall.state_dir);
  const what = drift.length > 0 ? 'enforced' : 'unchanged';
  return { ...outcome, line: `firewall: ${what}, with ${backend.kind}` };
}
