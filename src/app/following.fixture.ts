import type { SwarmService } from '../core/docker/from-service.ts';
import { ServiceRegistry } from '../core/swarm/service-registry.ts';
import { settingsSchema } from '../core/settings-schema.ts';
import type { Following } from './follow-swarm.ts';
import { createBell } from './wait.ts';

const quiet = (): void => {};

/** A node of a Swarm that knows no service yet, for tests to change; its engine answers nothing. */
export const aFollowing = (changes: Partial<Following>): Following => ({
  settings: settingsSchema.parse({}),
  source: {
    info: () => Promise.reject(new Error('info was asked for')),
    services: () => Promise.reject(new Error('the services were asked for')),
    service: () => Promise.reject(new Error('a service was asked for')),
  },
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  board: { swarm: quiet },
  random: () => 0,
  onChange: quiet,
  signal: new AbortController().signal,
  node: { nodeId: 'n1', manager: true, managers: [], dataRoot: '' },
  registry: new ServiceRegistry('epoch'),
  bell: createBell(),
  dirty: new Set(),
  manager: {},
  confirmed: async () => {},
  lost: quiet,
  ...changes,
});

export const aService = (id: string, changes: Partial<SwarmService> = {}): SwarmService => ({
  id,
  name: id,
  createdAt: 0,
  labels: {},
  ports: [],
  ...changes,
});
