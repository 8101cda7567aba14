import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SwarmService } from '../core/docker/from-service.ts';
import { ServiceRegistry } from '../core/swarm/service-registry.ts';
import { createFeed, followEngine } from './follow-services.ts';
import { aFollowing, aService } from './following.fixture.ts';
import { createBell } from './wait.ts';

const INFO = {
  ...{ version: '', operatingSystem: '', swarm: true, rootless: false, liveRestore: false },
  ...{ cgroupDriver: '', cgroupVersion: '', warnings: [] },
};

/** A manager of a Swarm, played. */
function play(first: readonly SwarmService[]) {
  const ended = new AbortController();
  const heard = createBell();
  /** What the engine was asked, and what was told of it. */
  const said: string[] = [];
  const engine: {
    /** Undefined: it cannot answer for the Swarm. */
    services: readonly SwarmService[] | undefined;
    nodeId: string;
    manager: boolean;
  } = { services: first, nodeId: 'n1', manager: true };
  const following = aFollowing({
    signal: ended.signal,
    source: {
      info: async () => ({
        ...INFO,
        swarmNode: { ...following.node, nodeId: engine.nodeId, manager: engine.manager },
      }),
      async services() {
        said.push('lists');
        return engine.services;
      },
      async service(id) {
        said.push(`asks for ${id}`);
        return engine.services?.find((each) => each.id === id);
      },
    },
    async confirmed(_from, changed) {
      said.push(changed ? 'changed' : 'the same');
      heard.ring();
    },
    lost({ message }) {
      said.push(message);
      heard.ring();
    },
  });
  return {
    following,
    engine,
    /** What was said until something was confirmed or lost. */
    async hears(): Promise<readonly string[]> {
      await heard.wait(20_000, ended.signal);
      return said.splice(0);
    },
    event(...ids: readonly string[]) {
      for (const id of ids) following.dirty.add(id);
      following.bell.ring();
    },
    known: () => following.registry.services.map(({ id }) => id),
    end: () => ended.abort(),
  };
}

const many = Array.from({ length: 51 }, (_each, index) => `s${index}`);

for (const [title, events, after, said, known] of [
  ['one that was added', ['b'], ['a', 'b'], ['asks for b', 'changed'], ['a', 'b']],
  ['one that was removed', ['a'], [], ['asks for a', 'changed'], []],
  ['one that is as it was', ['a'], ['a'], ['asks for a', 'the same'], ['a']],
  ['nothing, as of a node', [], ['a', 'b'], ['the same'], ['a']],
  ['very many: the whole list costs less', many, ['a', 'b'], ['lists', 'changed'], ['a', 'b']],
] as const) {
  test(`followEngine(): events name ${title}`, async () => {
    const swarm = play([aService('a')]);
    const running = followEngine(swarm.following);
    try {
      assert.deepEqual(await swarm.hears(), ['lists', 'changed']);
      swarm.engine.services = after.map((id) => aService(id));
      swarm.event(...events);
      assert.deepEqual(await swarm.hears(), said);
      assert.deepEqual(swarm.known(), known);
    } finally {
      swarm.end();
      await running;
    }
  });
}

for (const [title, change] of [
  ['it was demoted', { manager: false, services: undefined }],
  ['it is a node of another Swarm', { nodeId: 'n2' }],
] as const) {
  test(`followEngine(): ends where ${title}, and says nothing`, async () => {
    const swarm = play([aService('a')]);
    Object.assign(swarm.engine, change);
    await followEngine(swarm.following);
    swarm.end();
    assert.deepEqual(await swarm.hears(), ['lists']);
  });
}

test('followEngine(): without a majority of managers the last list stays, and is asked for again', async () => {
  const swarm = play([aService('a')]);
  const running = followEngine(swarm.following);
  try {
    await swarm.hears();
    swarm.engine.services = undefined;
    swarm.event(...many);
    assert.deepEqual(await swarm.hears(), [
      'lists',
      'this manager cannot answer for the Swarm: too few managers are reachable',
    ]);
    assert.deepEqual(swarm.known(), ['a']);
    swarm.engine.services = [aService('b')];
    assert.deepEqual(await swarm.hears(), ['lists', 'changed']);
    assert.deepEqual(swarm.known(), ['b']);
  } finally {
    swarm.end();
    await running;
  }
});

test('followEngine(): what a manager told before is no version of our own list', async () => {
  const swarm = play([]);
  Object.assign(swarm.following.manager, { address: '192.0.2.1', version: 'other.7' });
  const running = followEngine(swarm.following);
  await swarm.hears();
  swarm.end();
  await running;
  assert.deepEqual(swarm.following.manager, { address: '192.0.2.1' });
});

for (const [title, act, wakes] of [
  ['a change', { confirm: true }, true],
  ['a doubt', { doubt: true }, true],
  ['the same list again', { confirm: false }, false],
] as const) {
  test(`createFeed(): who waits is ${wakes ? '' : 'not '}woken by ${title}`, async () => {
    const feed = createFeed({ registry: new ServiceRegistry('a') });
    const ended = new AbortController();
    let woken = false;
    const waiting = feed.changed(20_000, ended.signal).then(() => (woken = true));
    if ('doubt' in act) feed.doubt();
    else feed.confirm(act.confirm);
    assert.equal(feed.known(), !('doubt' in act));
    await new Promise(setImmediate);
    assert.equal(woken, wakes);
    ended.abort();
    await waiting;
  });
}
