/** One pass of `watch`: what the tracker knows -> a live generation, told in the log and the status. */
import type { Log } from '../adapters/log.ts';
import type { Container } from '../core/model.ts';
import { countRoutes } from '../core/quarantine.ts';
import type { Candidate } from '../core/routes.ts';
import type { Tracker } from '../core/tracker.ts';
import type { OpenedPublisher } from './open-publisher.ts';
import type { StatusBoard } from './status-board.ts';
import { createTold } from './told.ts';

export type PublishPassDeps = {
  readonly log: Log;
  readonly now: () => number;
  readonly board: StatusBoard;
  readonly tracker: Tracker;
  readonly candidates: (
    running: readonly Container[],
    lingering: readonly Container[],
    isDraining: (id: string) => boolean,
  ) => readonly Candidate[];
  readonly driftAction: 'restore' | 'keep';
};

export type PublishPass = {
  /** Until then a pass does nothing. */
  open(opened: OpenedPublisher): void;
  /** The next pass looks at what is on disk and what Nginx serves, until one has gone well. */
  verifyNext(): void;
  pass(reloading: () => void): Promise<void>;
};

export function createPublishPass(deps: PublishPassDeps): PublishPass {
  const { log, now, board, tracker } = deps;
  const told = createTold(log);
  let opened: OpenedPublisher | undefined;
  /** What Nginx refused before is tried once in each session: its own configuration may be another. */
  let firstPass = true;
  let verify = false;
  let toldDrift = '';

  const tellDrift = (drift: readonly string[]): void => {
    const files = drift.join(' ');
    if (files !== '' && files !== toldDrift) {
      log.warn('nginx-drift', { files, action: deps.driftAction });
    }
    toldDrift = files;
    board.report('nginx', { drift });
  };

  return {
    open: (publisher) => (opened = publisher),
    verifyNext: () => (verify = true),
    async pass(reloading) {
      const startedAt = now();
      tracker.expire(now());
      if (!opened) return;
      const { publisher, nginx } = opened;
      const verifying = verify;
      board.count('reconciles');
      const isDraining = (id: string): boolean => tracker.isDraining(id);
      const desired = await publisher.desire(
        deps.candidates(tracker.running, tracker.lingering, isDraining),
        { verify: verifying, retry: firstPass },
      );
      if (verifying) tellDrift(desired.drift);
      const published = await publisher.publish(desired, {
        reload: true,
        verify: verifying,
        onReload: () => {
          reloading();
          board.count('reloads');
          board.report('nginx', { last_reload: new Date().toISOString() });
          log.debug('reload-signal', { at: performance.timeOrigin + performance.now() });
        },
      });
      firstPass = false;
      if (verifying) {
        verify = false;
        if (deps.driftAction === 'restore') tellDrift([]);
      }
      if (verifying || published.reloaded) {
        board.report('nginx', { old_workers: (await nginx.workers()).old });
      }
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
  };
}
