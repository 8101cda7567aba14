import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DockerEvent } from '../core/docker/event.ts';
import { aNetwork } from '../core/firewall/snapshot.fixture.ts';
import { Flapping } from '../core/flapping.ts';
import type { Container } from '../core/model.ts';
import { container } from '../core/testing/container.ts';
import { Tracker } from '../core/tracker.ts';
import { followDocker, type FollowDeps } from './follow-docker.ts';
import { createBell } from './wait.ts';

const NETWORKS = [
  aNetwork({ id: 'n1', name: 'bridge' }),
  aNetwork({ id: 'n2', name: 'shop_default', driver: 'overlay' }),
];
const on = (network: string, ...ports: readonly string[]): Partial<Container> =>
  container('x', { ports, endpoints: [{ network, networkId: '', ipv4: '10.0.1.3' }] });

const started = (id: string): DockerEvent => ({
  ...{ kind: 'container', action: 'start', id, name: id, attributes: {}, timeNano: 0 },
});

for (const [title, changes, expected] of [
  [
    'on an overlay, published: once for those that start together',
    on('shop_default', '7000:80'),
    2,
  ],
  ['on an overlay, not published', on('shop_default'), 0],
  ['on a bridge', on('bridge', '7000:80'), 0],
  ['on a network that is not known: once', on('other', '7000:80'), 1],
] as const) {
  test(`followDocker(): three containers start; networks are asked for: ${title}`, async () => {
    const ended = new AbortController();
    const { signal } = ended;
    const changed = createBell();
    const inspecting = createBell();
    const more = createBell();
    const inspected: string[] = [];
    let asked = 0;
    async function* events(): AsyncGenerator<DockerEvent> {
      yield started('a');
      await inspecting.wait(20_000, signal); // the others come while the first is looked at
      yield started('b');
      yield started('c');
      more.ring();
      await createBell().wait(20_000, signal);
    }
    const source: FollowDeps['source'] = {
      // No list comes now and then, with the networks.
      containers: () =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      version: async () => ({ version: '', api: '' }),
      events: () => Object.assign(events(), { ready: Promise.resolve() }),
      snapshot: async () => ({ containers: [], networks: NETWORKS }),
      async networks() {
        asked += 1;
        return NETWORKS;
      },
      async inspect(id) {
        inspecting.ring();
        if (id === 'a') await more.wait(20_000, signal);
        inspected.push(id);
        return container(id, { ...changes, id, name: id });
      },
    };
    const following = followDocker({
      ...{ tracker: new Tracker(0), flapping: new Flapping(), signal, drain: false },
      source,
      ...{ served: async () => [], resyncMs: 60_000, now: () => 0, random: () => 0 },
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      ...{ onNetworks: () => {}, onFlapping: () => {} },
      onChange() {
        if (inspected.length === 3) changed.ring();
      },
    });
    await changed.wait(20_000, signal);
    ended.abort();
    await following;
    assert.equal(asked, expected);
  });
}
