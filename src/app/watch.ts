/** The sidecar: settings -> session -> settings again when they change, until the signal. */
import type { DockerSource } from '../adapters/docker.ts';
import type { Log } from '../adapters/log.ts';
import { serveStatus } from '../adapters/status-server.ts';
import { watchFiles } from '../adapters/watch-files.ts';
import type { Network, Problem } from '../core/model.ts';
import { problemText } from '../core/problem-text.ts';
import { countRoutes } from '../core/quarantine.ts';
import { Tracker } from '../core/tracker.ts';
import { PortcullisError } from '../errors.ts';
import type { LoadedSettings } from '../settings.ts';
import { createCandidates } from './candidates.ts';
import { followDocker } from './follow-docker.ts';
import { createFirewallKeeper } from './keep-firewall.ts';
import { openPublisher, type OpenedPublisher } from './open-publisher.ts';
import type { Publisher } from './publisher.ts';
import { createReconcileLoop } from './reconcile-loop.ts';
import type { StatusBoard } from './status-board.ts';
import { createBell, pause } from './wait.ts';

export type WatchDeps = {
  readonly source: DockerSource;
  readonly docker: string | undefined;
  /** Reads the settings anew. @throws {PortcullisError} `bad-setting` */
  readonly load: () => Promise<LoadedSettings>;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  readonly board: StatusBoard;
  /** Ends the watch, after the pass under way. */
  readonly signal: AbortSignal;
};

/** Runs until `signal` aborts. Only a bug, or settings that are wrong at the start, end it otherwise. */
export async function watch(deps: WatchDeps): Promise<void> {
  const { log, signal } = deps;
  let loaded = await deps.load();
  const tracker = new Tracker(loaded.settings.watch.linger);
  while (!signal.aborted) {
    const session = new AbortController();
    const both = AbortSignal.any([signal, session.signal]);
    const next = { loaded };
    tracker.lingerMs = loaded.settings.watch.linger;
    await runSession(deps, {
      loaded,
      tracker,
      signal: both,
      onSettings: (changed) => {
        next.loaded = changed;
        session.abort();
      },
    });
    if (!signal.aborted) log.info('settings-applied', { file: next.loaded.file });
    loaded = next.loaded;
  }
}

type Session = {
  readonly loaded: LoadedSettings;
  readonly tracker: Tracker;
  readonly signal: AbortSignal;
  readonly onSettings: (changed: LoadedSettings) => void;
};

async function runSession(deps: WatchDeps, session: Session): Promise<void> {
  const { log, now, random, source, board } = deps;
  const { loaded, tracker, signal, onSettings } = session;
  const { settings } = loaded;
  const candidates = createCandidates(settings);
  const [told, toldOfFirewall] = [createTold(log), createTold(log)];
  /** Undefined until the engine was heard: nothing known is not "no containers". */
  let networks: readonly Network[] | undefined;
  const firewall = createFirewallKeeper({
    settings,
    source,
    log,
    now,
    signal,
    snapshot: () => networks && { containers: [...tracker.containers, ...tracker.ended], networks },
    onProblems: toldOfFirewall,
    board,
  });
  board.report('firewall', { mode: settings.firewall.mode, backend: null, enforced: false });
  serveStatus(settings.status, { status: board.status, log, signal });

  let publisher: Publisher | undefined;
  /** What Nginx refused before is tried once in each session: its own configuration may be another. */
  let firstPass = true;

  const loop = createReconcileLoop({
    settings: settings.watch,
    now,
    random,
    log,
    nextTimedAt: () => tracker.nextExpiryAt,
    onFailure: ({ message }) => board.report('nginx', { last_error: message }),
    async pass(reloading) {
      const startedAt = now();
      tracker.expire(now());
      if (!networks || !publisher) return;
      board.count('reconciles');
      const isDraining = (id: string): boolean => tracker.isDraining(id);
      const desired = await publisher.desire(
        candidates(tracker.running, tracker.lingering, isDraining),
        { verify: false, retry: firstPass },
      );
      const published = await publisher.publish(desired, {
        reload: true,
        onReload: () => {
          reloading();
          board.count('reloads');
          board.report('nginx', { last_reload: new Date().toISOString() });
          log.debug('reload-signal', { at: performance.timeOrigin + performance.now() });
        },
      });
      firstPass = false;
      told(published.problems);
      board.report('nginx', { generation: published.generation.id, last_error: null });
      board.report('routes', {
        ...countRoutes(published.rendered),
        rejected: published.plan.rejected.length,
      });
      const fields = {
        generation: published.generation.id,
        sites: published.plan.sites.length,
        rejected: published.problems.length,
        files: published.changes.length,
        reloaded: published.reloaded,
        ms: Math.round(now() - startedAt),
      };
      if (published.reloaded) log.info('reconciled', fields);
      else log.debug('reconciled', fields);
    },
  });

  const reread = async (): Promise<void> => {
    try {
      onSettings(await deps.load());
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error;
      log.error('settings-refused', { reason: error.message, inForce: 'the last good ones' });
    }
  };
  const onHangUp = (): void => void reread();
  process.on('SIGHUP', onHangUp);
  try {
    const folders = [
      settings.template_dir,
      settings.snippet_dir,
      settings.auth_dir,
      settings.tls.cert_dir,
      settings.tls.ca_dir,
    ];
    await watchFiles(
      [
        ...(loaded.file === undefined ? [] : [loaded.file]),
        ...folders.filter((each) => each !== ''),
      ],
      (path) => {
        log.debug('file-changed', { path });
        if (path.startsWith(settings.auth_dir)) loop.trigger();
        else void reread();
      },
      signal,
    );
    await Promise.all([
      followDocker({
        source,
        tracker,
        resyncMs: settings.watch.resync,
        now,
        random,
        log,
        signal,
        onNetworks: (known) => {
          networks = known;
          firewall.trigger();
        },
        onChange: () => {
          firewall.trigger();
          loop.trigger();
        },
        onEvent: ({ kind, action, name }) => {
          board.count('seen');
          log.debug('docker-event', { kind, action, name });
        },
        onConnection: (connected, version) =>
          board.report('docker', { connected, ...(version !== undefined && { version }) }),
      }),
      loop.run(signal),
      firewall.run(),
      openWhenPossible(deps, session).then((opened) => {
        publisher = opened.publisher;
        renewAt(opened.nextExpiryAt ?? Infinity, reread, signal);
        if (opened.nginxVersion) board.report('nginx', { version: opened.nginxVersion });
        loop.trigger();
      }),
    ]);
  } finally {
    process.off('SIGHUP', onHangUp);
  }
}

/** Nginx not installed, a template that does not compile: told once, tried again when settings change or in a while. */
async function openWhenPossible(
  deps: WatchDeps,
  { loaded, signal }: Session,
): Promise<Partial<OpenedPublisher>> {
  const bell = createBell();
  let last = '';
  while (!signal.aborted) {
    try {
      return await openPublisher(loaded.settings, deps.log, { docker: deps.docker });
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error;
      if (error.message !== last) {
        deps.log.error('not-ready', { reason: error.message, detail: error.detail });
        deps.board.report('nginx', { last_error: error.message });
      }
      last = error.message;
      await bell.wait(2_000, signal);
    }
  }
  return {};
}

/** A certificate that ends, or begins, is chosen anew. */
function renewAt(at: number, reread: () => Promise<void>, signal: AbortSignal): void {
  if (at === Infinity) return;
  void pause(at - Date.now() + 1_000, signal).then(() => {
    // A pause has a longest length: what is not due yet is waited for again.
    if (signal.aborted) return undefined;
    return Date.now() >= at ? reread() : renewAt(at, reread, signal);
  });
}

/** Tells a problem once when it appears and once when it goes. */
function createTold(log: Log): (problems: readonly Problem[]) => void {
  let known = new Map<string, string>();
  return (problems) => {
    const texts = new Map(
      problems.map((each) => [problemText(each), each.quarantined ? 'quarantined' : 'rejected']),
    );
    for (const [text, what] of texts) if (!known.has(text)) log.warn(what, { problem: text });
    for (const [text, what] of known) {
      if (!texts.has(text)) log.info(`no-longer-${what}`, { problem: text });
    }
    known = texts;
  };
}
