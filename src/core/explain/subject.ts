/** What a person means by a host, a container or a port. */
import { closest } from 'fastest-levenshtein';
import { isContainer } from '../firewall/container-network.ts';
import type { Container } from '../model.ts';
import type { RoutePlan } from '../routes-model.ts';

export type Subject =
  | { readonly kind: 'container'; readonly container: Container }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'port'; readonly port: number; readonly containers: readonly Container[] };

/** Every meaning that fits; none: an empty list. */
export function subjectsOf(
  asked: string,
  { containers, plan }: { containers: readonly Container[]; plan: RoutePlan },
): readonly Subject[] {
  const port = /^\d{1,5}$/.test(asked) ? Number(asked) : 0;
  const own = containers
    .filter((each) => isContainer(each, asked))
    .map((container): Subject => ({ kind: 'container', container }));
  const host = hostNamed(asked, plan);
  const holders = containers.filter((each) => hostPorts(each).includes(port));
  return [
    ...own,
    ...(host === undefined ? [] : [{ kind: 'host', host } as const]),
    ...(port > 0 && port < 65_536 ? [{ kind: 'port', port, containers: holders } as const] : []),
  ];
}

/** Also by a name that is redirected, and by a wildcard. */
export function hostNamed(asked: string, { sites, rejected }: RoutePlan): string | undefined {
  const name = asked.toLowerCase().replace(/\.$/, '');
  const exact = sites.find(
    ({ host, redirectFrom }) => host === name || redirectFrom.includes(name),
  );
  if (exact) return exact.host;
  const wild = sites.find(({ host }) => host.startsWith('*.') && name.endsWith(host.slice(1)));
  return wild?.host ?? rejected.find(({ host }) => host === name)?.host;
}

const hostPorts = ({
  published,
  portBindings,
  networkMode,
  exposed,
}: Container): readonly number[] => [
  ...[...published, ...portBindings].map(({ hostPort }) => hostPort),
  ...(networkMode === 'host' ? exposed.map(({ containerPort }) => containerPort) : []),
];

/** Known names that look like `asked`, the nearest first. */
export function nearest(
  asked: string,
  { containers, plan }: { containers: readonly Container[]; plan: RoutePlan },
): readonly string[] {
  const names = [...containers.map(({ name }) => name), ...plan.sites.map(({ host }) => host)];
  const found: string[] = [];
  for (let left = names; left.length > 0 && found.length < 3;) {
    const next = closest(asked, [...left]);
    found.push(next);
    left = left.filter((name) => name !== next);
  }
  return found;
}
