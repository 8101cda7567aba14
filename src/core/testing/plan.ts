/** Containers -> planned routes, and labels without their prefix, for the tests of planning. */
import { containerRoutes } from '../container-routes.ts';
import type { Container } from '../model.ts';
import { planRoutes, type RouteContext } from '../routes.ts';
import type { RoutePlan } from '../routes-model.ts';
import { settingsSchema } from '../settings-schema.ts';
import { container } from './container.ts';

type Options = {
  readonly lingering?: readonly Container[];
  /** Names. */
  readonly draining?: readonly string[];
  readonly settings?: Record<string, unknown>;
  readonly context?: Partial<RouteContext>;
};

export function plan(
  containers: readonly Container[],
  { lingering = [], draining = [], settings = {}, context }: Options = {},
): RoutePlan {
  const parsed = settingsSchema.parse(settings);
  const candidate = (lingers: boolean) => (each: Container) => ({
    container: each,
    routes: containerRoutes(each, parsed),
    lingering: lingers,
    draining: draining.includes(each.name),
  });
  return planRoutes([...containers.map(candidate(false)), ...lingering.map(candidate(true))], {
    handWritten: new Map(),
    holders: new Map(),
    authFiles: undefined,
    ...context,
  });
}

/** `host/path -> address address`, one line a route. */
export const lines = ({ sites }: RoutePlan): readonly string[] =>
  sites.flatMap(({ routes }) =>
    routes.map(
      ({ host, path, servers }) =>
        `${host}${path} -> ${servers.map(({ address }) => address).join(' ')}`,
    ),
  );

export const label = (labels: Record<string, string>): { labels: Record<string, string> } => ({
  labels: Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [
      key.startsWith('com.') ? key : `portcullis.${key}`,
      value,
    ]),
  ),
});
export const compose = (
  service: string,
  more: Record<string, string> = {},
): { labels: Record<string, string> } =>
  label({ 'com.docker.compose.project': 'shop', 'com.docker.compose.service': service, ...more });

/** Two that ask for the same host, by when they were created. */
export const early = container('early', {
  ports: ['127.0.0.1:1:80'],
  createdAt: 1,
  ...label({ host: 'a.example' }),
});
export const late = container('late', {
  ports: ['127.0.0.1:2:80'],
  createdAt: 2,
  ...label({ host: 'a.example' }),
});
