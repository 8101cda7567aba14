/** What outside can reach: from what is known for sure, and where asked for from packets. */
import type { DockerSource } from '../adapters/docker.ts';
import type { Run } from '../adapters/run.ts';
import { inviteStranger, type Stranger } from '../adapters/stranger.ts';
import type { Dial } from '../adapters/stranger-dial.ts';
import { readHost } from '../adapters/read-host.ts';
import { readListeners } from '../adapters/listeners.ts';
import { readRules } from '../adapters/read-rules.ts';
import type { Disagreement, Exposure, Finding } from '../core/exposure/exposure.ts';
import { disagreementOf, findingOf, type Evidence } from '../core/exposure/findings.ts';
import { exposures, forwardedByOthers } from '../core/exposure/paths.ts';
import { arrives, goalOf, type Listening } from '../core/exposure/reachable.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import { hexAddress, rangeOf } from '../core/rules/address-range.ts';
import { travelHost, type HostFacts } from '../core/rules/host-facts.ts';
import { hooksOf, travel } from '../core/rules/journey.ts';
import { PROTOCOLS } from '../core/rules/packet.ts';
import { createReach, type Outside } from '../core/rules/reach.ts';
import type { LiveRules } from '../core/rules/rule-model.ts';
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
  /** Packets that met something else than the rules say. */
  readonly disagreements: readonly Disagreement[];
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
  const [version, info, snapshot, backend, { rules, unread }, listeners] = await Promise.all([
    source.version(signal),
    source.info(signal),
    firewallSnapshot(source, signal),
    openBackend(settings, { source, run, signal }).catch(noBackend),
    readRules(run),
    readListeners(),
  ]);
  const { ruleset } = await policyNow(settings, snapshot);
  const usable = typeof backend === 'string' ? undefined : backend;
  const drift = (await usable?.drift(ruleset)) ?? [];
  const enforced = usable !== undefined && drift.length === 0;
  const listening = new Set(listeners.map(({ protocol, port }) => `${protocol} ${port}`));
  const full = await withHostPorts(snapshot, source, signal);
  const paths = [
    ...exposures(full, ruleset, (container) => containerAccess(container, settings.label_prefix)),
    ...forwardedByOthers(snapshot, rules.forwardings),
  ];
  const world = { rules, ruleset, settings, listening, readable: unread.length === 0 };
  const facts = await readHost(run);
  const reachOf = createReach(outsideOf(world, facts));
  const met = probe
    ? await probed(paths, run, { world, progress: probe })
    : new Map<Exposure, Met>();
  const evidence = paths.map((exposure) => {
    const goal = world.readable ? goalOf(exposure, listening) : undefined;
    const { answer, predicted } = met.get(exposure) ?? NOTHING_MET;
    const known = { reach: goal && reachOf(goal), answer, predicted, enforced };
    return { exposure, known };
  });
  return {
    engine: { ...version, firewall_backend: info.firewallBackend ?? null },
    firewall: { mode: settings.firewall.mode, backend: usable?.kind ?? null, enforced, drift },
    findings: evidence.map(({ exposure, known }) => findingOf(exposure, known)),
    disagreements: evidence.flatMap(({ exposure, known }) => disagreementOf(exposure, known) ?? []),
    notes: [
      ...(typeof backend === 'string' ? [backend] : []),
      ...unread.map((what) => `Not read: ${what}. Nothing is called closed by rules.`),
      ...(facts.policyRouting
        ? ['"ip rule" has routing policies, which are not followed: a route may be another one.']
        : []),
    ],
  };
}

type World = {
  readonly rules: LiveRules;
  readonly ruleset: Ruleset;
  readonly settings: Settings;
  readonly listening: Listening;
  readonly readable: boolean;
};

/** Interfaces that are none of Docker's, and not trusted. */
function outsideOf({ rules, ruleset, settings }: World, facts: HostFacts): Outside {
  const { trusted_interfaces, trusted_sources } = settings.firewall;
  const inside = new Set(['lo', ...ruleset.bridges, ...trusted_interfaces]);
  return {
    rules,
    facts,
    interfaces: facts.interfaces.filter(
      ({ name, up, master, addresses }) =>
        up && !inside.has(name) && master === undefined && addresses.length > 0,
    ),
    bridges: ruleset.bridges,
    trusted: trusted_sources.map(rangeOf),
  };
}

/** What became of the stranger's packet, and what the rules say of it. */
type Met = Pick<Evidence, 'answer' | 'predicted'>;
const NOTHING_MET: Met = { answer: undefined, predicted: undefined };

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
  { world, progress }: { world: World; progress: (count: number, of: number) => void },
): Promise<ReadonlyMap<Exposure, Met>> {
  const stranger = await inviteStranger(run);
  try {
    const asked = paths.flatMap((path) => {
      const to = dialFor(path, stranger.host);
      return to === undefined ? [] : [{ path, to }];
    });
    const facts = await readHost(run);
    const answers = await stranger.dial(
      asked.map(({ to }) => to),
      (count) => progress(count, asked.length),
    );
    const predict = predictor(world, facts, stranger);
    return new Map(
      asked.map(({ path, to }, index) => [
        path,
        { answer: answers[index] ?? 'unsent', predicted: predict(path, to) },
      ]),
    );
  } finally {
    await stranger.leave();
  }
}

/** What the rules say of the very packet that the stranger sends. */
function predictor(
  { rules, listening, readable }: World,
  facts: HostFacts,
  { link, guest }: Stranger,
): (path: Exposure, to: Dial) => Evidence['predicted'] {
  const hooks = hooksOf(rules.bases);
  const host = travelHost(facts);
  return (path, { protocol, address, port }) => {
    if (!readable) return undefined;
    const daddr = hexAddress(address.replace(/%.*/, ''));
    const family = address.includes(':') ? 'v6' : 'v4';
    const from = address.startsWith('fe80') ? guest.linkLocal : guest[family];
    const journeys = travel(
      hooks,
      {
        family,
        protocol: PROTOCOLS[protocol] ?? 0,
        iif: link,
        saddr: hexAddress(from),
        daddr,
        sport: EPHEMERAL_PORT,
        dport: port,
      },
      host,
    );
    const passed = journeys.filter((journey) => arrives(journey, path, listening)).length;
    if (passed === journeys.length) return 'passes';
    return passed === 0 && journeys.every(({ fate }) => fate !== 'unknown')
      ? 'is dropped'
      : 'unknown';
  };
}

const EPHEMERAL_PORT = 49_999;

function dialFor({ path, protocol, target }: Exposure, host: Stranger['host']): Dial | undefined {
  if (target === undefined || protocol === 'sctp') return undefined;
  const { port } = target;
  if (target.address === 'link-local') return { protocol, port, address: host.linkLocal };
  if (target.address !== 'host') return { protocol, port, address: target.address };
  return { protocol, port, address: path.endsWith('-v6') ? host.v6 : host.v4 };
}
