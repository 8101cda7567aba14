import { containerRoutes } from '../core/container-routes.ts';
import type { Container } from '../core/model.ts';
import type { Candidate } from '../core/routes.ts';
import type { ContainerRoutes } from '../core/routes-model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { statusCandidate } from '../core/status-site.ts';

export type Candidates = (
  running: Iterable<Container>,
  lingering?: Iterable<Container>,
  isDraining?: (id: Container['id']) => boolean,
) => readonly Candidate[];

/** Reads containers' labels, each container object only once. */
export function createCandidates(settings: Settings): Candidates {
  const known = new WeakMap<Container, ContainerRoutes>();
  const routesOf = (container: Container): ContainerRoutes => {
    const routes = known.get(container) ?? containerRoutes(container, settings);
    known.set(container, routes);
    return routes;
  };
  const own = statusCandidate(settings);
  return (running, lingering = [], isDraining = () => false) => [
    ...(own ? [own] : []),
    ...[...running].map((container) => ({
      container,
      routes: routesOf(container),
      lingering: false,
      draining: isDraining(container.id),
    })),
    ...[...lingering].map((container) => ({
      container,
      routes: { ...routesOf(container), problems: [] },
      lingering: true,
      draining: isDraining(container.id),
    })),
  ];
}
