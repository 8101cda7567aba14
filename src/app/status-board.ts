import type { Status, SwarmStatus } from '../core/status.ts';

type Part = Exclude<keyof Status, 'version' | 'since' | 'swarm'>;

/** What the parts of `watch` report, and the status endpoint reads. */
export type StatusBoard = {
  readonly status: () => Status;
  /** Takes in what changed of one part. */
  report<P extends Part>(part: P, changes: Partial<Status[P]>): void;
  /** Undefined: this host is in no Swarm. */
  swarm(state: SwarmStatus | undefined): void;
  /** Adds one. */
  count(what: keyof Status['events'] | 'repairs'): void;
};

export function createStatusBoard(version: string, since: Date): StatusBoard {
  let status: Status = {
    version,
    since: since.toISOString(),
    docker: { connected: false, version: null, flapping: [] },
    nginx: {
      version: null,
      generation: null,
      last_reload: null,
      last_error: null,
      old_workers: 0,
      drift: [],
    },
    firewall: { mode: 'off', backend: null, enforced: false, repairs: 0 },
    routes: { live: 0, rejected: 0, quarantined: 0 },
    events: { seen: 0, reconciles: 0, reloads: 0 },
  };
  return {
    status: () => status,
    report(part, changes) {
      status = { ...status, [part]: { ...status[part], ...changes } };
    },
    swarm(state) {
      const { swarm: _before, ...rest } = status;
      status = { ...rest, ...(state && { swarm: state }) };
    },
    count(what) {
      if (what === 'repairs') {
        const { firewall } = status;
        status = { ...status, firewall: { ...firewall, repairs: firewall.repairs + 1 } };
      } else {
        const { events } = status;
        status = { ...status, events: { ...events, [what]: events[what] + 1 } };
      }
    },
  };
}
