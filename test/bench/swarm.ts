/** What a Swarm of 1,000 nodes and 50,000 services would ask of its managers, from figures measured here. */
import { gzipSync } from 'node:zlib';
import type { SwarmService } from '../../src/core/docker/from-service.ts';
import { ServiceRegistry } from '../../src/core/swarm/service-registry.ts';
import { servicesFromJson } from '../../src/core/swarm/service-list.ts';
import { createSwarmView } from '../../src/core/swarm/swarm-view.ts';
import { line, ms, timed } from './figures.ts';

const NODES = 1_000;
const SERVICES = 50_000;
/** A node asks again after this long without news. */
const HOLD_S = 5;
const CHANGES_A_MINUTE = 60;

const service = (index: number): SwarmService => ({
  id: `s${String(index).padStart(24, '0')}`,
  name: `shop-${index}_web`,
  createdAt: 1_700_000_000 + index,
  labels: {
    'com.docker.stack.namespace': `shop-${index}`,
    'portcullis.enable': 'true',
    'portcullis.host': `shop-${index}.example.com`,
  },
  ports: [{ protocol: 'tcp', publishedPort: 10_000 + index, targetPort: 80, mode: 'ingress' }],
});

export async function benchSwarm(): Promise<void> {
  const registry = new ServiceRegistry('bench');
  const services = Array.from({ length: SERVICES }, (_, index) => service(index));
  registry.replaceAll(services);
  const whole = JSON.stringify(registry.since(undefined));
  const packed = gzipSync(whole).length;
  line('bytes per service in the list', (whole.length / SERVICES).toFixed(0));
  line('the whole list, and packed', `${megabytes(whole.length)}, ${megabytes(packed)}`);
  line(`sent by managers when all ${NODES} nodes start`, megabytes(packed * NODES));

  const { version } = registry;
  registry.apply({ changed: [{ ...service(0), name: 'renamed' }], gone: [] });
  const change = gzipSync(JSON.stringify(registry.since(version))).length;
  line('bytes of one change, packed', String(change));
  const perSecond = (change * NODES * CHANGES_A_MINUTE) / 60;
  line(`sent with ${CHANGES_A_MINUTE} changes a minute`, `${megabytes(perSecond)} a second`);
  line('requests a second at all managers, without changes', String(NODES / HOLD_S));
  line('calls to the engine of a manager for one change', 'GET /services/<id>, once');
  line('events of services a node sees', 'none as a worker, all as a manager');

  line(
    'a manager looks for a change in the whole list',
    ms(await timed(async () => registry.replaceAll(services))),
  );
  const list: unknown = JSON.parse(JSON.stringify(services));
  line('a worker reads the whole list', ms(await timed(async () => servicesFromJson(list))));
  const view = createSwarmView('portcullis');
  const swarm = { nodeId: 'n', services };
  line(
    'a node makes routes of it, first',
    ms(await timed(async () => view.guarded({ containers: [], networks: [] }, swarm))),
  );
  line(
    'and after a change',
    ms(await timed(async () => view.guarded({ containers: [], networks: [] }, swarm))),
  );
  line('reloads of a node a second, at most', '1 / watch.min_reload_interval');
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
