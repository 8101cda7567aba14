import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../core/model.ts';
import { container } from '../core/testing/container.ts';
import { withEnvironment } from './docker-environment.ts';
import type { DockerSource } from './docker.ts';

const { signal } = new AbortController();

/** An engine whose list tells no environment, as Docker's; its containers may be changed. */
function engine(environments: Record<string, Container['environment']>) {
  const inspected: string[] = [];
  let atOnce = 0;
  let most = 0;
  const played: Pick<DockerSource, 'containers' | 'networks' | 'inspect'> = {
    containers: async () => Object.keys(environments).map((name) => container(name)),
    networks: async () => [],
    async inspect(id) {
      inspected.push(id);
      most = Math.max(most, (atOnce += 1));
      await new Promise(setImmediate);
      atOnce -= 1;
      const environment = environments[id.replace('id-', '')];
      return environment && { ...container(id), environment };
    },
  };
  const source = withEnvironment(played);
  return { source, inspected, mostAtOnce: () => most };
}

const told = (containers: readonly Container[]): unknown =>
  Object.fromEntries(containers.map(({ name, environment }) => [name, environment]));

test('withEnvironment(): lists and snapshots tell what only an inspect knows', async () => {
  const all = { a: { VIRTUAL_HOST: 'a.example' }, b: {} };
  const { source } = engine(all);
  assert.deepEqual(told(await source.containers(signal)), all);
  assert.deepEqual(told((await source.snapshot(signal)).containers), all);
});

test('withEnvironment(): one inspect a container, until it is gone', async () => {
  const all: Record<string, Container['environment']> = { a: { X: '1' }, b: { X: '2' } };
  const { source, inspected } = engine(all);
  await source.containers(signal);
  await source.containers(signal);
  assert.deepEqual(inspected.toSorted(), ['id-a', 'id-b']);
  delete all['a'];
  await source.containers(signal);
  all['a'] = { X: '3' };
  assert.deepEqual(told(await source.containers(signal)), { a: { X: '3' }, b: { X: '2' } });
});

test('withEnvironment(): one that goes between list and inspect is listed as it was', async () => {
  const { source } = engine({ a: undefined });
  assert.deepEqual(await source.containers(signal), [container('a')]);
});

test('withEnvironment(): a long list does not ask everything in one moment', async () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}`, {}]));
  const { source, inspected, mostAtOnce } = engine(many);
  await source.containers(signal);
  assert.equal(inspected.length, 40);
  assert.ok(mostAtOnce() <= 8, `${mostAtOnce()} at once`);
});
