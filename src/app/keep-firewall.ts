/** Keeps the firewall true to the containers while `watch` runs. It outlives the process: fail closed. */
import { spawn } from 'node:child_process';
import type { DockerSource } from '../adapters/docker.ts';
import type { FirewallBackend } from '../adapters/firewall-backend.ts';
import { monitorFirewall } from '../adapters/firewall-monitor.ts';
import { createClaims, type Claims, type ReadClaims } from '../adapters/listeners.ts';
import type { Log } from '../adapters/log.ts';
import { rememberingPids } from '../adapters/own-pids.ts';
import { run as plainRun } from '../adapters/run.ts';
import { isAtRest, SteadyListeners } from '../core/firewall/resting.ts';
import { withoutGrants, type Ruleset } from '../core/firewall/ruleset.ts';
import type { Problem, Snapshot } from '../core/model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { createBootWriter } from './boot-writer.ts';
import { createFirewallGuard, type FirewallGuard } from './firewall-guard.ts';
import { createPolicy, openBackend, type OthersPorts, type Policy } from './firewall.ts';
import type { StatusBoard } from './status-board.ts';
import { troubleOf } from './trouble.ts';
import { createBell, pause } from './wait.ts';

export type KeepFirewallDeps = {
  readonly settings: Settings;
  readonly source: DockerSource;
  /** Undefined until the engine was heard: nothing known is not "no containers". */
  readonly snapshot: () => Snapshot | undefined;
  readonly log: Log;
  readonly now: () => number;
  /** Problems of the latest ruleset. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  readonly board: Pick<StatusBoard, 'report' | 'count'>;
  readonly signal: AbortSignal;
};

export type FirewallKeeper = {
  /** Something may have changed: takes effect at once, whatever Nginx is doing. */
  trigger(): void;
  /** Runs until the signal. */
  run(): Promise<void>;
};

const LOOK_EVERY_MS = 60_000;
const LEGACY_POLL_MS = 2_000;
const RETRY_MS = 1_000;

export function createFirewallKeeper(deps: KeepFirewallDeps): FirewallKeeper {
  const { settings, log, now, signal } = deps;
  const bell = createBell();
  if (settings.firewall.mode === 'off') return { trigger: () => {}, run: async () => {} };

  return {
    trigger: () => bell.ring(),
    async run() {
      const { run, isOwn } = rememberingPids(plainRun);
      const backend = await openWhenPossible(deps, run);
      if (!backend) return;
      for (const gap of backend.gaps) log.debug('firewall-gap', { backend: backend.kind, gap });
      deps.board.report('firewall', { backend: backend.kind });
      const enforcing = settings.firewall.mode === 'enforce';
      const guard = createFirewallGuard({
        backend,
        now,
        onRepair: ({ drift, by, ms, alarm }) => {
          deps.board.count('repairs');
          log[alarm ? 'error' : 'warn']('firewall-repaired', {
            what: drift[0]?.what,
            differences: drift.length,
            pid: by?.pid,
            program: by?.program,
            ms: Math.round(ms),
            ...(alarm && {
              alarm: 'another program keeps undoing the firewall: repairs slow down',
            }),
          });
        },
        onFailure: (error) => {
          deps.board.report('firewall', { enforced: false });
          log.error('firewall-failed', { reason: error.message, detail: error.detail });
        },
      });
      const follow = enforcing
        ? enforce(deps, { bell, guard, backend })
        : report(deps, { bell, backend });
      const watching = enforcing
        ? [
            guard.run(LOOK_EVERY_MS, signal),
            monitorFirewall({
              run,
              start: (command, args) =>
                spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] }),
              tables: backend.watches.tables,
              ...(backend.watches.legacy && { legacyPollMs: LEGACY_POLL_MS }),
              isOwn,
              onChange: (change) => void guard.look(change),
              signal,
            }),
          ]
        : [];
      await Promise.all([follow, ...watching]);
    },
  };
}

type Bell = ReturnType<typeof createBell>;

/** Applies each new ruleset; tries again what failed. */
async function enforce(
  deps: KeepFirewallDeps,
  { bell, guard, backend }: { bell: Bell; guard: FirewallGuard; backend: FirewallBackend },
): Promise<void> {
  const { settings, snapshot, log, now, signal } = deps;
  const policy = createPolicy(settings);
  const listeners = new SteadyListeners();
  const claims = createClaims();
  let applied = '';
  let booted = '';
  const boot = createBootWriter(deps, backend);
  let waitMs = 0;
  while (!signal.aborted) {
    const seen = snapshot();
    if (seen) {
      try {
        const { others, againMs } = await othersPorts(policy, { seen, listeners, claims, now });
        // Asked again: one that did not run may have started while its port was looked at.
        const { ruleset, problems } = policy.of(snapshot() ?? seen, others);
        deps.onProblems(problems);
        const key = JSON.stringify(ruleset);
        if (key !== applied) {
          const startedAt = now();
          await guard.apply(ruleset);
          deps.board.report('firewall', { enforced: true });
          const first = applied === '';
          applied = key;
          log[first ? 'info' : 'debug'](first ? 'firewall-enforced' : 'firewall-updated', {
            ...sizes(ruleset),
            backend: backend.kind,
            ms: Math.round(now() - startedAt),
          });
        }
        const closed = JSON.stringify(withoutGrants(ruleset));
        if (closed !== booted && (await boot.write(ruleset))) booted = closed;
        waitMs = closed === booted ? againMs : RETRY_MS;
      } catch (error) {
        const { message, detail } = troubleOf(error);
        deps.board.report('firewall', { enforced: false });
        log.error('firewall-failed', { reason: message, detail });
        waitMs = RETRY_MS;
      }
    }
    await bell.wait(waitMs === 0 ? LOOK_EVERY_MS : waitMs, signal);
  }
}

/** Ports that containers ask for and another program has, and when to look again. */
async function othersPorts(
  policy: Policy,
  {
    seen,
    listeners,
    claims,
    now,
  }: { seen: Snapshot; listeners: SteadyListeners; claims: ReadClaims; now: () => number },
): Promise<{ others: OthersPorts; againMs: number }> {
  const isContested = seen.containers.some(
    (container) => isAtRest(container) || container.networkMode === 'host',
  );
  const { others, unseen } = isContested
    ? await claims((listening) => policy.contested(seen, listening))
    : NO_CLAIMS;
  const { steady, againMs = LOOK_EVERY_MS } = listeners.look(unseen, now());
  return { others: { taken: new Set([...others, ...steady]), foreign: others }, againMs };
}

const NO_CLAIMS: Claims = { others: new Set(), unseen: new Set() };

/** `firewall.mode: audit`: says what would change, changes nothing. */
async function report(
  deps: KeepFirewallDeps,
  { bell, backend }: { bell: Bell; backend: FirewallBackend },
): Promise<void> {
  const { settings, snapshot, log, now, onProblems, signal } = deps;
  const policy = createPolicy(settings);
  const listeners = new SteadyListeners();
  const claims = createClaims();
  let told = '';
  while (!signal.aborted) {
    const seen = snapshot();
    try {
      if (seen) {
        const { others } = await othersPorts(policy, { seen, listeners, claims, now });
        const { ruleset, problems } = policy.of(seen, others);
        onProblems(problems);
        const drift = await backend.drift(ruleset).catch(() => []);
        const text = JSON.stringify([sizes(ruleset), drift.length]);
        const fields = { mode: 'audit', differences: drift.length, ...sizes(ruleset) };
        if (text !== told) log.warn('firewall-not-enforced', fields);
        told = text;
      }
    } catch (error) {
      log.error('firewall-failed', { reason: troubleOf(error).message });
    }
    await bell.wait(LOOK_EVERY_MS, signal);
  }
}

const sizes = ({ bridges, held, grants }: Ruleset): Record<string, number> => ({
  bridges: bridges.length,
  held: held.length,
  grants: grants.length,
});

/** Docker away, no right, no nft: told once, tried again. Never taken for enforced. */
async function openWhenPossible(
  { settings, source, log, signal }: KeepFirewallDeps,
  run: typeof plainRun,
): Promise<FirewallBackend | undefined> {
  let last = '';
  while (!signal.aborted) {
    try {
      return await openBackend(settings, { source, run, signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      const { message } = troubleOf(error);
      if (message !== last) log.error('firewall-not-enforced', { reason: message });
      last = message;
      await pause(RETRY_MS * 2, signal);
    }
  }
  return undefined;
}
