/** From candidates to a live generation: plan, render, write beside, test, switch, reload, confirm. */
import type { GenerationStore, LiveGeneration } from '../adapters/generation-store.ts';
import type { Log } from '../adapters/log.ts';
import {
  generationFile,
  holdersOf,
  includedFiles,
  indexOfOnly,
  type Generation,
} from '../core/generation.ts';
import type { IndexView } from '../core/index-view.ts';
import { memo } from '../core/memo.ts';
import type { NginxHost } from '../core/nginx-host.ts';
import type { Candidate } from '../core/routes.ts';
import type { ListenSettings } from '../core/site-view.ts';
import { PortcullisError } from '../errors.ts';
import { createDesire, type Desired, type DesireOptions } from './desire.ts';
import type { SiteRenderer } from './site-renderer.ts';
import { quarantine } from './quarantine-sites.ts';
import { pause } from './wait.ts';

export type PublisherDeps = {
  readonly store: GenerationStore;
  readonly nginx: NginxHost;
  readonly listen: ListenSettings;
  readonly renderSites: SiteRenderer;
  readonly renderIndex: (view: IndexView) => string;
  readonly hash: (text: string) => string;
  readonly authFiles: () => Promise<ReadonlySet<string> | undefined>;
  /** Makes the folder of an ACME client's challenges, where there is none. */
  readonly makeAcmeDir: () => Promise<void>;
  /** Files changed by hand stay as they are, as long as their site does. */
  readonly keepDrift: boolean;
  readonly log: Log;
};

export type PublishOptions = {
  /** False: Nginx need not run; nothing is reloaded. */
  readonly reload: boolean;
  /** Called right before the reload signal is sent. */
  readonly onReload?: () => void;
  /** Asks Nginx what it serves, also where nothing changed. */
  readonly verify?: boolean;
};

export type Published = Desired & { readonly reloaded: boolean };

export type Publisher = {
  /** What should be live, and how that differs from what is. Changes nothing. */
  desire(candidates: readonly Candidate[], options?: DesireOptions): Promise<Desired>;
  /**
   * Makes `desired` live. Every error leaves the live generation as it was.
   *
   * @throws {PortcullisError} `nginx-not-included`, `nginx-rejected`, `nginx-not-running`,
   *   `nginx-reload-failed` or `files-unwritable`
   */
  publish(desired: Desired, options: PublishOptions): Promise<Published>;
  /** Goes back to the previous generation. */
  undo(options: PublishOptions): Promise<{ from: string; to: string; reloaded: boolean }>;
};

const DISTURBING: readonly string[] = ['files-unwritable', 'nginx-reload-failed'];

export function createPublisher(deps: PublisherDeps): Publisher {
  const { store, nginx, log } = deps;
  /** The last generation this process saw confirmed: its files need no second test. */
  let proven: LiveGeneration | undefined;
  /** A reload failed: sites may fail together that pass alone, so all are tested until none is refused any more. */
  let testsAll = false;
  const filesIn = memo(({ index }: LiveGeneration) => new Set(includedFiles(index)));
  const holdersIn = memo(({ manifest }: LiveGeneration) => holdersOf(manifest));

  const { desire, build } = createDesire(deps, { proven: () => proven, filesIn, holdersIn });

  const testOrThrow = async (indexPath: string): Promise<void> => {
    const result = await nginx.test(indexPath);
    if (result.ok) {
      for (const warning of result.warnings) log.warn('nginx-warning', { warning });
      return;
    }
    const place = result.file === undefined ? '' : ` (${result.file}:${result.line ?? 0})`;
    throw new PortcullisError(
      'nginx-rejected',
      `Nginx refuses the configuration: ${result.reason}${place}; what was live stays live`,
      { detail: result.output },
    );
  };

  /** The files that `before` names have passed their test: only the others need one. */
  const writeAndTest = async (
    generation: Generation,
    before: ReadonlySet<string> | undefined,
  ): Promise<void> => {
    if (!before) return testOrThrow(await store.writeIndex(generation));
    const changed = [...generation.siteFiles.keys()].filter((file) => !before.has(file));
    const candidate = await store.writeCandidate(indexOfOnly(generation.index, new Set(changed)));
    const [written, tested] = await Promise.allSettled([
      store.writeIndex(generation),
      testOrThrow(candidate),
    ]);
    for (const result of [tested, written]) if (result.status === 'rejected') throw result.reason;
  };

  const reloadTo = async (
    id: string,
    before: string | undefined,
    { onReload }: PublishOptions,
  ): Promise<void> => {
    try {
      onReload?.();
      await nginx.reload();
      await nginx.confirm(id);
    } catch (error) {
      if (before !== undefined) {
        await store.rollBackTo(before);
        await nginx.reload().catch(() => {}); // the first error is the one to tell
      }
      throw error;
    }
  };

  /** One that has much to do may miss an answer, so more than one is asked for before it is reloaded. */
  const isServed = async (id: string, asks: number): Promise<boolean> => {
    for (let ask = 1; ask <= asks; ask++) {
      if ((await nginx.served()) === id) return true;
      if (ask < asks) await pause(250, new AbortController().signal);
    }
    return false;
  };

  /** Nothing to write. But a crash may have come between the last switch and its reload. */
  const keep = async (
    desired: Desired,
    live: LiveGeneration,
    options: PublishOptions,
  ): Promise<Published> => {
    const { manifest } = desired.generation;
    if (JSON.stringify(live.manifest) !== JSON.stringify(manifest)) {
      await store.writeManifest(manifest);
    }
    const asks = !options.reload || (proven && !options.verify) ? 0 : proven ? 3 : 1;
    const late = asks > 0 && !(await isServed(live.id, asks));
    if (late) {
      await requireIncluded(nginx);
      await nginx.requireRunning();
      if (proven) log.warn('nginx-serves-other', { expected: live.id, action: 'reloaded' });
      await reloadTo(live.id, undefined, options);
    }
    if (!proven) await tidyUp();
    if (options.reload) proven = { ...live, manifest };
    return { ...desired, reloaded: late };
  };

  /** Also what a crash has left. Files that nobody reads are no reason to call a publication failed. */
  const tidyUp = async (): Promise<void> => {
    try {
      await store.collectGarbage();
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error;
      log.debug('garbage-left', { reason: error.message });
    }
  };

  const publish: Publisher['publish'] = async (desired, options) => {
    try {
      return await publishOnce(desired, options);
    } catch (error) {
      // Whatever is on disk now may not be what this process remembers.
      if (error instanceof PortcullisError && DISTURBING.includes(error.code)) proven = undefined;
      testsAll ||= error instanceof PortcullisError && error.code === 'nginx-reload-failed';
      throw error;
    }
  };

  const publishOnce: Publisher['publish'] = async (desired, options) => {
    const { generation, live, changes, drift } = desired;
    if (changes.length === 0 && live) return keep(desired, live, options);
    await requireIncluded(nginx);
    if (options.reload) await nginx.requireRunning();
    const isProven = proven?.id === live?.id && drift.length === 0;
    const before = proven && isProven && !testsAll ? filesIn(proven) : undefined;
    await deps.makeAcmeDir();
    await store.writeSites(generation, before ?? keptBy(desired));
    try {
      await writeAndTest(generation, before);
    } catch (error) {
      if (!(error instanceof PortcullisError) || error.code !== 'nginx-rejected') throw error;
      const rest = await quarantine(desired, {
        store,
        nginx,
        stubOf: deps.renderSites.stubOf,
        build,
        before,
        hash: deps.hash,
        log,
      });
      if (!rest) throw error;
      return publishOnce(rest, options);
    }
    // Before the switch: who holds which host must not be forgotten by a crash.
    await store.writeManifest(generation.manifest);
    await store.switchTo(generation.id);
    if (options.reload) await reloadTo(generation.id, live?.id, options);
    if (generation.manifest.quarantined.length === 0) testsAll = false;
    proven = options.reload
      ? { id: generation.id, index: generation.index, manifest: generation.manifest }
      : undefined;
    await tidyUp();
    if (proven) {
      // Known before the next event needs them.
      filesIn(proven);
      holdersIn(proven);
    }
    return { ...desired, reloaded: options.reload };
  };

  const undo: Publisher['undo'] = async (options) => {
    const [live, previous] = [await store.live(), await store.previous()];
    if (!live || !previous || live.id === previous.id) {
      throw new PortcullisError('nothing-to-undo', 'there is no previous generation to go back to');
    }
    await requireIncluded(nginx);
    if (options.reload) await nginx.requireRunning();
    await testOrThrow(`${store.dir}/${generationFile(previous.id)}`);
    await store.switchTo(previous.id);
    if (options.reload) await reloadTo(previous.id, live.id, options);
    proven = undefined;
    return { from: live.id, to: previous.id, reloaded: options.reload };
  };

  return { desire, publish, undo };
}

/** Files changed by hand that are to stay so. */
const keptBy = ({ drift, changes }: Desired): ReadonlySet<string> =>
  new Set(drift.filter((path) => !changes.some((change) => change.path === path)));

async function requireIncluded(nginx: NginxHost): Promise<void> {
  const { included } = await nginx.facts();
  if (included) return;
  throw new PortcullisError(
    'nginx-not-included',
    'Nginx does not read what Portcullis writes: run "portcullis init" once; what was live stays live',
  );
}
