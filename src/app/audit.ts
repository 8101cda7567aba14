/** What outside can reach: from what is known for sure, and where asked for from packets. */
import type { DockerSource } from '../adapters/docker.ts';
import { portsOfProgram, readListeners } from '../adapters/listeners.ts';
import { readNmap } from '../adapters/nmap-file.ts';
import { readHost } from '../adapters/read-host.ts';
import { readRules } from '../adapters/read-rules.ts';
import type { Run } from '../adapters/run.ts';
import { containerAccess } from '../core/container-access.ts';
import type { Disagreement, Exposure, Finding } from '../core/exposure/exposure.ts';
import { disagreementOf, findingOf } from '../core/exposure/findings.ts';
import {
  besideHost,
  bridgeMembers,
  daemonFinding,
  isBeside,
  type DaemonPort,
  type HostFinding,
} from '../core/exposure/host-findings.ts';
import { nmapCommands, nmapDifferences, type NmapDifference } from '../core/exposure/nmap.ts';
import { exposures, forwardedByOthers, meshed } from '../core/exposure/paths.ts';
import { goalOf } from '../core/exposure/reachable.ts';
import type { Drift } from '../core/firewall/drift.ts';
import type { Container, Snapshot } from '../core/model.ts';
import { addressText } from '../core/rules/address-range.ts';
import { PROTOCOLS } from '../core/rules/packet.ts';
import { countSources, MOST_SOURCES } from '../core/rules/sources.ts';
import { createReach, MOST_PORTS, type Goal } from '../core/rules/reach.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import { containersAtRest } from './firewall-snapshot.ts';
import { openBackend, policyNow } from './firewall.ts';
import { outsideOf } from './outside.ts';
import { NOTHING_MET, probed, type Met } from './probe.ts';
import { swarmNow, withSwarm } from './swarm-once.ts';

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
  readonly host_findings: readonly HostFinding[];
  /** To be run on another machine. */
  readonly nmap_command: readonly string[];
  readonly nmap?: readonly NmapDifference[];
  readonly notes: readonly string[];
};

export async function audit(
  settings: Settings,
  {
    source,
    run,
    probe,
    nmapFile,
  }: {
    source: DockerSource;
    run: Run;
    /** Told how many of how many packets were answered; undefined: none is sent. */
    probe: ((count: number, of: number) => void) | undefined;
    /** What another machine's `nmap -oX` wrote. */
    nmapFile: string | undefined;
  },
): Promise<Audit> {
  const scans = nmapFile === undefined ? undefined : await readNmap(nmapFile);
  const signal = AbortSignal.timeout(30_000);
  const [version, info, listed, swarm, backend, { rules, unread }, listeners, daemonPorts] =
    await Promise.all([
      source.version(signal),
      source.info(signal),
      containersAtRest(source, signal),
      swarmNow(settings, { source, signal }),
      openBackend(settings, { source, run, signal }).catch(noBackend),
      readRules(run),
      readListeners(),
      portsOfProgram('dockerd'),
    ]);
  const { services } = swarm;
  const guarded = withSwarm(listed, swarm, settings);
  const { ruleset } = await policyNow(settings, guarded);
  const isReal = ({ swarmPorts }: Container): boolean => swarmPorts === undefined;
  const snapshot = { ...guarded, containers: guarded.containers.filter(isReal) };
  const usable = typeof backend === 'string' ? undefined : backend;
  const drift = (await usable?.drift(ruleset)) ?? [];
  const enforced = usable !== undefined && drift.length === 0;
  const listening = new Set(listeners.map(({ protocol, port }) => `${protocol} ${port}`));
  const full = await withHostPorts(snapshot, source, signal);
  const paths = [
    ...exposures(full, ruleset, (container) => containerAccess(container, settings.label_prefix)),
    ...meshed(services ?? [], ruleset),
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
  const findings = evidence.map(({ exposure, known }) => findingOf(exposure, known));
  const own = outsideOf(world, facts).interfaces.flatMap(({ addresses }) => addresses);
  const addressOf = (digits: number): string | undefined => {
    const found = own.find(
      ({ address }) => address.length === digits && !/^fe[89ab]/.test(address),
    );
    return found && addressText(found.address);
  };
  return {
    engine: { ...version, firewall_backend: info.firewallBackend ?? null },
    firewall: { mode: settings.firewall.mode, backend: usable?.kind ?? null, enforced, drift },
    findings,
    disagreements: evidence.flatMap(({ exposure, known }) => disagreementOf(exposure, known) ?? []),
    host_findings: [
      ...daemonPorts.map((port) =>
        daemonFinding(port, world.readable ? reachOf(hostGoal(port)) : undefined),
      ),
      ...bridgeMembers(facts, ruleset.bridges),
      ...besideHost(full),
    ],
    nmap_command: nmapCommands(findings, { v4: addressOf(8), v6: addressOf(32) }),
    ...(scans && { nmap: scans.flatMap((host) => nmapDifferences(host, findings)) }),
    notes: [
      ...(typeof backend === 'string' ? [backend] : []),
      ...(services === undefined
        ? [
            'No manager of the Swarm tells which services there are, so the ports of the routing mesh are not known here: set swarm.port, or run audit on a manager, too.',
          ]
        : []),
      ...unread.map((what) => `Not read: ${what}. Nothing is called closed by rules.`),
      ...(countSources(rules.sources) > MOST_SOURCES || rules.sourcePorts.length > MOST_PORTS
        ? [
            `The rules tell apart ${countSources(rules.sources)} sources and ${rules.sourcePorts.length} source ports. Tried were the first ${MOST_SOURCES} and ${MOST_PORTS}: one of the others may get in where a path is called closed.`,
          ]
        : []),
      ...(facts.policyRouting
        ? ['"ip rule" has routing policies, which are not followed: a route may be another one.']
        : []),
    ],
  };
}

const hostGoal = ({ protocol, port }: DaemonPort): Goal => ({
  family: 'v4',
  protocol: PROTOCOLS[protocol] ?? 0,
  address: 'host',
  port,
  granted: [],
  arrives: ({ fate }) => fate === 'delivered',
});

/** Docker lists no port of a container on the host network or beside it; its inspect names those of EXPOSE. */
async function withHostPorts(
  { containers, networks }: Snapshot,
  source: DockerSource,
  signal: AbortSignal,
): Promise<Snapshot> {
  const beside = new Set(networks.filter(({ driver }) => isBeside(driver)).map(({ name }) => name));
  const known = await Promise.all(
    containers.map(async (container) =>
      container.networkMode === 'host' ||
      container.endpoints.some(({ network }) => beside.has(network))
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
