import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SwarmService } from '../docker/from-service.ts';
import { ServiceRegistry } from './service-registry.ts';
import { changesFromJson, servicesFromJson, slimService } from './service-list.ts';

const service = (id: string, name = id): SwarmService => ({
  id,
  name,
  createdAt: 1,
  labels: { 'portcullis.enable': 'true' },
  ports: [{ protocol: 'tcp', publishedPort: 7001, targetPort: 80, mode: 'ingress' }],
});
const ids = (services: readonly SwarmService[]): string => services.map(({ id }) => id).join();

test('since(): who knows a version is told what came after it, and no more', () => {
  const registry = new ServiceRegistry('a');
  assert.equal(registry.replaceAll([service('x'), service('y')]), true);
  const { version } = registry;
  assert.equal(registry.apply({ changed: [service('z'), service('x')], gone: ['y'] }), true);
  const news = registry.since(version);
  assert.deepEqual([news.full, ids(news.changed), news.gone], [false, 'z', ['y']]);
  assert.equal(news.version, registry.version);
  const none = registry.since(news.version);
  assert.deepEqual([none.full, none.changed, none.gone], [false, [], []]);
});

for (const version of [undefined, 'b.1', 'a.99', 'a.-1', 'a', '']) {
  test(`since(): everything for who knows ${JSON.stringify(version)}`, () => {
    const registry = new ServiceRegistry('a');
    registry.replaceAll([service('x')]);
    const { full, changed } = registry.since(version);
    assert.deepEqual([full, ids(changed)], [true, 'x']);
  });
}

test('a service that comes back is not gone; the same list changes nothing', () => {
  const registry = new ServiceRegistry('a');
  registry.replaceAll([service('x')]);
  const { version, services } = registry;
  assert.equal(registry.replaceAll([service('x')]), false);
  assert.equal(registry.services, services);
  registry.replaceAll([]);
  registry.replaceAll([service('x')]);
  assert.deepEqual([ids(registry.since(version).changed), registry.since(version).gone], ['x', []]);
});

test('removals are forgotten in time, and whoever knows an older version is told everything', () => {
  const registry = new ServiceRegistry('a');
  registry.replaceAll([service('x')]);
  const { version } = registry;
  for (let index = 0; index <= 10_000; index++) {
    registry.apply({ changed: [service(`n${index}`)], gone: [] });
    registry.apply({ changed: [], gone: [`n${index}`] });
  }
  assert.equal(registry.since(version).full, true);
  assert.equal(registry.since(registry.version).full, false);
});

test('a list goes over the wire as it is, and with our labels only', () => {
  const registry = new ServiceRegistry('a');
  const secret = { ...service('x').labels, token: 'secret' };
  registry.replaceAll([slimService({ ...service('x'), labels: secret }, 'portcullis')]);
  const changes = registry.since(undefined);
  assert.deepEqual(changesFromJson(JSON.parse(JSON.stringify(changes))), changes);
  assert.deepEqual(changes.changed, [service('x')]);
});

for (const [value, message] of [
  [{}, /must be a list/],
  [[{ id: 'x' }], /service 0 of the list: name/],
  [[{ ...service('x'), ports: [{ ...service('x').ports[0], publishedPort: 70_000 }] }], /65535/],
  [[{ ...service('x'), ports: [{ ...service('x').ports[0], mode: 'other' }] }], /mode/],
] as const) {
  test(`servicesFromJson(): refuses what is no list of services: ${message}`, () => {
    assert.throws(() => servicesFromJson(value), { name: 'ShapeError', message });
  });
}
