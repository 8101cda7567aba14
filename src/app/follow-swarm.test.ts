import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingsSchema } from '../core/settings-schema.ts';
import { keep } from '../adapters/swarm-file.ts';
import { createSwarmFollower } from './follow-swarm.ts';
import { createBell } from './wait.ts';

const swarmNode = { nodeId: 'n1', manager: true, managers: [], dataRoot: '' };
const info = {
  ...{ version: '', operatingSystem: '', swarm: true, swarmNode, rootless: false },
  ...{ liveRestore: false, cgroupDriver: '', cgroupVersion: '', warnings: [] },
};
const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

for (const [title, kept, expected] of [
  [
    'without a kept list: what the node knows by itself',
    false,
    { nodeId: 'n1', services: undefined },
  ],
  ['with a kept list: that one', true, { nodeId: 'n1', services: [] }],
] as const) {
  test(`createSwarmFollower(): the firewall does not wait for a manager without majority, ${title}`, async () => {
    const state_dir = await mkdtemp(join(tmpdir(), 'portcullis-swarm-'));
    if (kept) await keep(state_dir, 'n1', { services: [], asOf: '2026-01-01T00:00:00Z' });
    const ended = new AbortController();
    const bell = createBell();
    const follower = createSwarmFollower({
      settings: settingsSchema.parse({ firewall: { state_dir } }),
      source: {
        info: async () => info,
        services: (signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
        service: async () => undefined,
      },
      log,
      board: { swarm: quiet },
      random: () => 0,
      onChange: () => bell.ring(),
      signal: ended.signal,
    });
    const running = follower.run();
    try {
      await bell.wait(20_000, ended.signal);
      assert.deepEqual(follower.guarded(), expected);
      // Routes wait: nothing known is not "no services".
      assert.deepEqual(follower.now(), kept ? expected : undefined);
    } finally {
      ended.abort();
      await running;
      await rm(state_dir, { recursive: true });
    }
  });
}

for (const [kind, action, looks] of [
  ['node', 'update', true],
  ['service', 'create', true],
  ['network', 'create', true],
  ['network', 'connect', false],
  ['container', 'start', false],
] as const) {
  test(`createSwarmFollower(): a worker looks ${looks ? 'again' : 'no sooner'} what it is when told of a ${kind} (${action})`, async () => {
    const state_dir = await mkdtemp(join(tmpdir(), 'portcullis-swarm-'));
    const ended = new AbortController();
    const waits = createBell();
    let looked = 0;
    const follower = createSwarmFollower({
      settings: settingsSchema.parse({ firewall: { state_dir } }),
      source: {
        async info() {
          looked += 1;
          return { ...info, swarmNode: { ...swarmNode, manager: false } };
        },
        services: async () => undefined,
        service: async () => undefined,
      },
      log,
      board: { swarm: () => waits.ring() }, // it says what it does not know, and waits
      random: () => 0,
      onChange: quiet,
      signal: ended.signal,
    });
    const running = follower.run();
    try {
      await waits.wait(20_000, ended.signal);
      follower.tell({ kind, action, id: 'x', name: 'x', attributes: {}, timeNano: 0 });
      if (looks) await waits.wait(20_000, ended.signal);
      else await new Promise(setImmediate);
      assert.equal(looked, looks ? 2 : 1);
    } finally {
      ended.abort();
      await running;
      await rm(state_dir, { recursive: true });
    }
  });
}
