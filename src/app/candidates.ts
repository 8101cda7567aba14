import { containerRoutes, type RouteSettings } from '../core/container-routes.ts';
import type { Container } from '../core/model.ts';
import type { Candidate } from '../core/routes.ts';
import type { ContainerRoutes } from '../core/routes-model.ts';

export type Candidates = (
  running: Iterable<Container>,
  lingering?: Iterable<Container>,
) => readonly Candidate[];

/** Reads containers' labels, each container object only once. */
export function createCandidates(settings: RouteSettings): Candidates {
  const known = new WeakMap<Container, ContainerRoutes>();
  const routesOf = (container: Container): ContainerRoutes => {
    const routes = known.get(container) ?? containerRoutes(container, settings);
    known.set(container, routes);
    return routes;
  };
  return (running, lingering = []) => [
    ...[...running].map((container) => ({
      container,
      routes: routesOf(container),
      lingering: false,
    })),
    ...[...lingering].map((container) => ({
      container,
      routes: { ...routesOf(container), problems: [] },
      lingering: true,
    })),
  ];
}
