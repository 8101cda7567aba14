/** What outside can reach: from what is known for sure, and where asked for from packets. */
import type { DockerSource } from '../adapters/docker.ts';
import type { Run } from '../adapters/run.ts';
import { inviteStranger, type Stranger } from '../adapters/stranger.ts';
import type { Dial } from '../adapters/stranger-dial.ts';
import type { Answer, Exposure, Finding } from '../core/exposure/exposure.ts';
import { findingOf } from '../core/exposure/findings.ts';
import { exposures } from '../core/exposure/paths.ts';
import { containerAccess } from '../core/container-access.ts';
import type { Snapshot } from '../core/model.ts';
import type { Drift } from '../core/firewall/drift.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import { firewallSnapshot } from './firewall-snapshot.ts';
import { openBackend, policyNow } from './firewall.ts';

export type Audit = {
  readonly engine: {
    readonly version: string;
    readonly api: string;
    readonly firewall_backend: string | null;
  };
  readonly firewall: {
    readonly mode: string;
    readonly backend: string | null;
    readonly enforced: boolean;
    readonly drift: readonly Drift[];
  };
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
};

export async function audit(
  settings: Settings,
  {
    source,
    run,
    probe,
  }: {
    source: DockerSource;
    run: Run;
    /** Told how many of how many packets were answered; undefined: none is sent. */
    probe: ((count: number, of: number) => void) | undefined;
  },
): Promise<Audit> {
  const signal = AbortSignal.timeout(30_000);
  const [version, info, snapshot, backend] = await Promise.all([
    source.version(signal),
    source.info(signal),
    firewallSnapshot(source, signal),
    openBackend(settings, { source, run, signal }).catch(noBackend),
  ]);
  const { ruleset } = await policyNow(settings, snapshot);
  const usable = typeof backend === 'string' ? undefined : backend;
  const drift = (await usable?.drift(ruleset)) ?? [];
  const enforced = usable !== undefined && drift.length === 0;
  const known = {
    enforced,
    gaps: usable?.gaps ?? [],
    engineVersion: version.version,
    loopbackRulesOff: info.warnings.some((warning) => /raw/i.test(warning)),
  };
  const paths = exposures(await withHostPorts(snapshot, source, signal), ruleset, (container) =>
    containerAccess(container, settings.label_prefix),
  );
  const answers = probe ? await probed(paths, run, probe) : new Map<Exposure, Answer>();
  return {
    engine: { ...version, firewall_backend: info.firewallBackend ?? null },
    firewall: { mode: settings.firewall.mode, backend: usable?.kind ?? null, enforced, drift },
    findings: paths.map((path) => findingOf(path, known, answers.get(path))),
    notes: [
      ...(typeof backend === 'string' ? [backend] : []),
      probe
        ? 'The packets came in by an interface made for this, most to an address made for it. Rules that match another interface by name, as "-i eth0", or an address of the host were not put to the test.'
        : 'Rules of other tools were not read: only --probe takes them into account.',
    ],
  };
}

/** Docker lists no port of a container on the host network; its inspect names those of EXPOSE. */
async function withHostPorts(
  { containers, networks }: Snapshot,
  source: DockerSource,
  signal: AbortSignal,
): Promise<Snapshot> {
  const known = await Promise.all(
    containers.map(async (container) =>
      container.networkMode === 'host'
        ? ((await source.inspect(container.id, signal)) ?? container)
        : container,
    ),
  );
  return { containers: known, networks };
}

function noBackend(error: unknown): string {
  if (error instanceof PortcullisError && error.code === 'firewall-unavailable')
    return error.message;
  throw error;
}

async function probed(
  paths: readonly Exposure[],
  run: Run,
  progress: (count: number, of: number) => void,
): Promise<ReadonlyMap<Exposure, Answer>> {
  const stranger = await inviteStranger(run);
  try {
    const asked = paths.flatMap((path) => {
      const to = dialFor(path, stranger.host);
      return to === undefined ? [] : [{ path, to }];
    });
    const answers = await stranger.dial(
      asked.map(({ to }) => to),
      (count) => progress(count, asked.length),
    );
    return new Map(asked.map(({ path }, index) => [path, answers[index] ?? 'unsent']));
  } finally {
    await stranger.leave();
  }
}

function dialFor({ path, protocol, target }: Exposure, host: Stranger['host']): Dial | undefined {
  if (target === undefined || protocol === 'sctp') return undefined;
  const { port } = target;
  if (target.address === 'link-local') return { protocol, port, address: host.linkLocal };
  if (target.address !== 'host') return { protocol, port, address: target.address };
  return { protocol, port, address: path.endsWith('-v6') ? host.v6 : host.v4 };
}
