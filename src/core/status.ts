import { printable, shownName } from './problem-text.ts';

/** What is known of a Swarm's services, and from whom. */
export type SwarmStatus = {
  readonly role: 'manager' | 'worker';
  /** Undefined: none is known. */
  readonly services?: number;
  /** `engine`, the address of a manager, or `kept` for the last good list. */
  readonly from: string;
  /** When they were last confirmed, ISO 8601. */
  readonly as_of?: string;
  /** Why they are not known for sure. */
  readonly error?: string;
};

/** What a running `watch` is doing, as `status --json` prints it. */
export type Status = {
  readonly version: string;
  /** When it started, ISO 8601. */
  readonly since: string;
  readonly docker: {
    readonly connected: boolean;
    readonly version: string | null;
    /** Names of containers that start and end over and over. */
    readonly flapping: readonly string[];
  };
  readonly nginx: {
    readonly version: string | null;
    readonly generation: string | null;
    readonly last_reload: string | null;
    /** Of the last pass; null where it went well. */
    readonly last_error: string | null;
    /** Workers of before a reload that still hold connections; looked at every `watch.resync`. */
    readonly old_workers: number;
    /** Files changed by hand that are not restored. */
    readonly drift: readonly string[];
  };
  /** Undefined until it is known, and on a host that is in no Swarm. */
  readonly swarm?: SwarmStatus;
  readonly firewall: {
    readonly mode: string;
    readonly backend: string | null;
    readonly enforced: boolean;
    readonly repairs: number;
  };
  readonly routes: {
    readonly live: number;
    readonly rejected: number;
    readonly quarantined: number;
  };
  readonly events: { readonly seen: number; readonly reconciles: number; readonly reloads: number };
};

/** Empty where all is well. */
export function complaints({ docker, nginx, swarm, firewall }: Status): readonly string[] {
  return [
    ...(docker.connected ? [] : ['Docker is not reachable: every route is kept as it was']),
    ...(nginx.last_error === null ? [] : [`the last pass failed: ${nginx.last_error}`]),
    ...(nginx.generation === null && nginx.last_error === null ? ['nothing is published yet'] : []),
    ...(swarm?.error === undefined ? [] : [`the Swarm's services are kept: ${swarm.error}`]),
    ...(firewall.mode === 'enforce' && !firewall.enforced ? ['the firewall is not enforced'] : []),
  ];
}

export function statusLines(status: Status): readonly string[] {
  const { version, since, docker, nginx, swarm, firewall, routes, events } = status;
  const bad = complaints(status);
  return [
    bad.length === 0 ? 'watch is well' : `watch is not well: ${bad.join('; ')}`,
    `version    ${version}, since ${since}`,
    `docker     ${docker.connected ? 'connected' : 'away'}, ${docker.version ?? 'version not known'}`,
    ...docker.flapping.map((name) => `           ${shownName(name)} starts and ends over and over`),
    `nginx      ${nginx.version ?? 'version not known'}, generation ${nginx.generation ?? 'none'}, last reload ${nginx.last_reload ?? 'none'}, ${nginx.old_workers} old workers`,
    ...nginx.drift.map((file) => `           ${file} was changed by hand`),
    ...(swarm === undefined
      ? []
      : [
          `swarm      ${swarm.role}, ${swarm.services ?? 'no known'} services, from ${swarm.from}, of ${swarm.as_of ?? 'never'}`,
        ]),
    `firewall   ${firewall.enforced ? `enforced with ${firewall.backend ?? ''}` : `not enforced (mode ${firewall.mode})`}, ${firewall.repairs} repairs`,
    `routes     ${routes.live} live, ${routes.rejected} rejected, ${routes.quarantined} quarantined`,
    `events     ${events.seen} seen, ${events.reconciles} passes, ${events.reloads} reloads`,
  ].map(printable);
}

/** Prometheus' text format 0.0.4. */
export function statusMetrics(status: Status): string {
  const { docker, nginx, firewall, routes, events } = status;
  const metrics: readonly (readonly [
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    value: number,
  ])[] = [
    ['up', 'gauge', 'Whether all is well.', complaints(status).length === 0 ? 1 : 0],
    ['docker_connected', 'gauge', 'Whether Docker is followed.', docker.connected ? 1 : 0],
    ['containers_flapping', 'gauge', 'Containers in a crash loop.', docker.flapping.length],
    ['nginx_old_workers', 'gauge', 'Workers of before a reload.', nginx.old_workers],
    ['nginx_drift', 'gauge', 'Files changed by hand that are kept.', nginx.drift.length],
    ['firewall_enforced', 'gauge', 'Whether the ruleset is in force.', firewall.enforced ? 1 : 0],
    [
      'firewall_repairs_total',
      'counter',
      'Times that another program undid the rules.',
      firewall.repairs,
    ],
    ['routes_live', 'gauge', 'Routes that are served.', routes.live],
    ['routes_rejected', 'gauge', 'Routes that were asked for and are not served.', routes.rejected],
    ['routes_quarantined', 'gauge', 'Sites that Nginx refused.', routes.quarantined],
    ['docker_events_total', 'counter', 'Events read.', events.seen],
    ['reconciles_total', 'counter', 'Passes.', events.reconciles],
    ['nginx_reloads_total', 'counter', 'Reloads of Nginx.', events.reloads],
  ];
  return metrics
    .map(
      ([name, type, help, value]) =>
        `# HELP portcullis_${name} ${help}\n# TYPE portcullis_${name} ${type}\nportcullis_${name} ${value}\n`,
    )
    .join('');
}
