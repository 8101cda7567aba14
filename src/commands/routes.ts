import type { Command } from 'commander';
import type { Quarantined } from '../core/generation.ts';
import type { RoutePlan } from '../core/routes-model.ts';
import { shownName } from '../core/problem-text.ts';
import { hasTls, type ChooseCertificate } from '../core/tls/site-tls.ts';
import { fromOption } from './arguments.ts';
import { EXIT_REJECTED } from './exit-codes.ts';
import { logFor, settingsFor, type GlobalOptions } from './global-options.ts';
import { print, printProblems } from './print.ts';
import { readContainers, ungrantedIn } from './read-containers.ts';

type RoutesOptions = GlobalOptions & { readonly json?: true; readonly from?: string };

/** One entry of `routes --json`. */
export type RouteRow = {
  readonly host: string;
  readonly path: string;
  readonly tls: boolean;
  readonly state: 'live' | 'rejected' | 'quarantined';
  readonly reason?: string;
  readonly upstreams: readonly { address: string; container: string; id: string }[];
};

export function addRoutes(program: Command): void {
  program
    .command('routes')
    .description('the routes, as a table')
    .option('--json', 'as JSON')
    .addOption(fromOption())
    .action(async (_options: unknown, command: Command) => {
      await routes(command.optsWithGlobals<RoutesOptions>());
    });
}

async function routes(options: RoutesOptions): Promise<void> {
  const { settings } = await settingsFor(options, logFor(options));
  const containers = await readContainers(options, settings);
  const { planFor, certificatesOf, quarantinedNow } = await import('../app/plan-only.ts');
  const plan = await planFor(containers, settings, options);
  const rows = rowsOf(plan, {
    certificateOf: certificatesOf(settings),
    quarantined: await quarantinedNow(settings),
  });
  if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else print(table(rows));
  const problems = [...plan.problems, ...(await ungrantedIn(containers, options, settings))];
  printProblems(problems);
  const isQuarantined = rows.some(({ state }) => state === 'quarantined');
  if (problems.length > 0 || isQuarantined) process.exitCode = EXIT_REJECTED;
}

export function rowsOf(
  { sites, rejected }: RoutePlan,
  {
    certificateOf,
    quarantined,
  }: {
    readonly certificateOf: ChooseCertificate;
    /** By host. */
    readonly quarantined: ReadonlyMap<string, Quarantined>;
  },
): readonly RouteRow[] {
  const live = sites.flatMap((site) =>
    site.routes.map(({ host, path, owner, servers }): RouteRow => {
      const upstreams = servers.map(({ address, container, id }) => ({ address, container, id }));
      const refused = quarantined.get(host);
      const refusal = refused?.owners?.includes(owner) === false ? undefined : refused?.reason;
      const waiting = { reason: 'no container is ready: answers 503' };
      return {
        host,
        path,
        tls: hasTls(site, certificateOf),
        state: refusal === undefined ? 'live' : 'quarantined',
        ...(servers.length === 0 && waiting),
        ...(refusal !== undefined && { reason: refusal }),
        upstreams,
      };
    }),
  );
  const refused = rejected.map(({ host, path, reason, address, container, id }): RouteRow => ({
    host,
    path,
    tls: false,
    state: 'rejected',
    reason,
    upstreams: [{ address, container, id }],
  }));
  return [...live, ...refused];
}

function table(rows: readonly RouteRow[]): readonly string[] {
  if (rows.length === 0) return ['no routes: no running container has a "portcullis." label'];
  const cells = rows.map(({ host, path, state, upstreams }) => [
    `${host}${path}`,
    state,
    upstreams.map(({ address }) => address).join(' ') || '-',
    [...new Set(upstreams.map(({ container }) => shownName(container)))].join(' ') || '-',
  ]);
  const all = [['ROUTE', 'STATE', 'UPSTREAM', 'CONTAINER'], ...cells];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
