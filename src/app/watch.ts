/** The sidecar: settings -> session -> settings again when they change, until the signal. */
import type { DockerSource } from '../adapters/docker.ts';
import { openLock, type Lock } from '../adapters/lock.ts';
import type { Log } from '../adapters/log.ts';
import { NAME_FILES } from '../adapters/site-inputs.ts';
import { serveStatus } from '../adapters/status-server.ts';
import { watchFiles } from '../adapters/watch-files.ts';
import { Flapping } from '../core/flapping.ts';
import type { Network } from '../core/model.ts';
import { createSwarmView } from '../core/swarm/swarm-view.ts';
import { Tracker } from '../core/tracker.ts';
import { PortcullisError } from '../errors.ts';
import type { LoadedSettings } from '../settings.ts';
import { createCandidates } from './candidates.ts';
import { followDocker } from './follow-docker.ts';
import { createFirewallKeeper } from './keep-firewall.ts';
import { openPublisher, type OpenedPublisher } from './open-publisher.ts';
import { createPublishPass } from './publish-pass.ts';
import { createReconcileLoop } from './reconcile-loop.ts';
import { createSwarmFollower } from './follow-swarm.ts';
import { runParts, type Part } from './run-parts.ts';
import { servedContainers } from './served-containers.ts';
import type { StatusBoard } from './status-board.ts';
import { createTold } from './told.ts';
import { troubleOf } from './trouble.ts';
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

/** Runs until `signal` aborts. Only a bug, settings that are wrong at the start, or another Portcullis end it otherwise. */
export async function watch(deps: WatchDeps): Promise<void> {
  const { log, signal } = deps;
  let loaded = await deps.load();
  const tracker = new Tracker(loaded.settings.watch.linger);
  const flapping = new Flapping();
  let dir = loaded.settings.nginx.dir;
  let lock = openLock(dir);
  await holdIfPossible(lock, log);
  while (!signal.aborted) {
    if (dir !== loaded.settings.nginx.dir) {
      lock.release();
      dir = loaded.settings.nginx.dir;
      lock = openLock(dir);
    }
    const session = new AbortController();
    const both = AbortSignal.any([signal, session.signal]);
    const next = { loaded };
    tracker.lingerMs = loaded.settings.watch.linger;
    await runSession(deps, {
      loaded,
      tracker,
      flapping,
      lock,
      signal: both,
      onSettings: (changed) => {
        next.loaded = changed;
        session.abort();
      },
    });
    if (!signal.aborted) log.info('settings-applied', { file: next.loaded.file });
    loaded = next.loaded;
  }
  lock.release();
}

/** A folder that cannot be written is no reason to leave: the firewall needs none, and each pass tries it again. */
async function holdIfPossible(lock: Lock, log: Log): Promise<void> {
  try {
    await lock.hold();
  } catch (error) {
    if (!(error instanceof PortcullisError) || error.code !== 'files-unwritable') throw error;
    log.debug('not-locked', { reason: error.message });
  }
}

type Session = {
  readonly loaded: LoadedSettings;
  readonly tracker: Tracker;
  readonly flapping: Flapping;
  readonly lock: Lock;
  readonly signal: AbortSignal;
  readonly onSettings: (changed: LoadedSettings) => void;
};

async function runSession(deps: WatchDeps, session: Session): Promise<void> {
  const { log, now, random, source, board } = deps;
  const { loaded, tracker, lock, onSettings } = session;
  const failed = new AbortController();
  const signal = AbortSignal.any([session.signal, failed.signal]);
  const { settings } = loaded;
  const candidates = createCandidates(settings);
  /** Undefined until the engine was heard: nothing known is not "no containers". */
  let networks: readonly Network[] | undefined;
  const view = createSwarmView(settings.label_prefix);
  const swarm = createSwarmFollower({
    ...{ settings, source, log, board, random, signal },
    onChange: () => {
      firewall.trigger();
      loop.trigger();
    },
  });
  const firewall = createFirewallKeeper({
    settings,
    source,
    log,
    now,
    signal,
    snapshot() {
      const services = swarm.guarded();
      if (!networks || !services) return undefined;
      const containers = [...tracker.containers, ...tracker.ended];
      return view.guarded({ containers, networks }, services);
    },
    onProblems: createTold(log),
    board,
  });
  board.report('firewall', { mode: settings.firewall.mode, backend: null, enforced: false });
  serveStatus(settings.status, { status: board.status, log, signal });

  const sites = createPublishPass({
    log,
    now,
    board,
    tracker,
    candidates: (running, lingering, isDraining) => {
      const services = swarm.now();
      return services
        ? candidates(view.routed(running, services), view.tasks(lingering, services), isDraining)
        : candidates(running, lingering, isDraining);
    },
    driftAction: settings.nginx.drift,
  });

  const loop = createReconcileLoop({
    settings: settings.watch,
    now,
    random,
    log,
    nextTimedAt: () => tracker.nextExpiryAt,
    onFailure: ({ message }) => board.report('nginx', { last_error: message }),
    pass: async (reloading) => {
      if (!networks || !swarm.now()) return;
      // Another folder than before, or the first that can be written: nothing known of it holds.
      if (await lock.hold()) sites.verifyNext();
      await sites.pass(reloading);
    },
  });
  /** Nobody tells what happens to Nginx, so it is looked at now and then. */
  const lookAtNginx: Part = async (until) => {
    for (;;) {
      await pause(settings.watch.resync, until);
      if (until.aborted) return;
      sites.verifyNext();
      loop.trigger();
    }
  };

  const reread = async (): Promise<void> => {
    try {
      onSettings(await deps.load());
    } catch (error) {
      const reason = troubleOf(error).message;
      log.error('settings-refused', { reason, inForce: 'the last good ones' });
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
        ...NAME_FILES,
      ],
      (path) => {
        log.debug('file-changed', { path });
        if (path.startsWith(settings.auth_dir)) loop.trigger();
        else void reread();
      },
      signal,
    );
    await runParts(
      {
        docker: () =>
          followDocker({
            source,
            tracker,
            flapping: session.flapping,
            served: () => servedContainers(settings.nginx.dir),
            resyncMs: settings.watch.resync,
            drain: settings.watch.drain,
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
            onEvent: (event) => {
              const { kind, action, name } = event;
              swarm.tell(event);
              board.count('seen');
              log.debug('docker-event', { kind, action, name });
            },
            onFlapping: (flapping) => board.report('docker', { flapping }),
            onConnection: (connected, version) =>
              board.report('docker', { connected, ...(version !== undefined && { version }) }),
          }),
        sites: () => loop.run(signal),
        firewall: () => firewall.run(),
        nginx: async (until) => {
          const opened = await openWhenPossible(deps, session);
          if (!opened) return;
          sites.open(opened);
          renewAt(opened.nextExpiryAt, reread, signal);
          if (opened.nginxVersion) board.report('nginx', { version: opened.nginxVersion });
          loop.trigger();
          await lookAtNginx(until);
        },
        swarm: () => swarm.run(),
      },
      { signal: session.signal, log, onFailure: () => failed.abort() },
    );
  } finally {
    process.off('SIGHUP', onHangUp);
  }
}

/** Nginx not installed, a template that does not compile: told once, tried again when settings change or in a while. */
async function openWhenPossible(
  deps: WatchDeps,
  { loaded, signal }: Session,
): Promise<OpenedPublisher | undefined> {
  const bell = createBell();
  let last = '';
  while (!signal.aborted) {
    try {
      return await openPublisher(loaded.settings, deps.log, { docker: deps.docker });
    } catch (error) {
      const { message, detail } = troubleOf(error);
      if (message !== last) {
        deps.log.error('not-ready', { reason: message, detail });
        deps.board.report('nginx', { last_error: message });
      }
      last = message;
      await bell.wait(2_000, signal);
    }
  }
  return undefined;
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
