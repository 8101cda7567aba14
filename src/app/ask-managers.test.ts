import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsSchema } from '../core/settings-schema.ts';
import { askOneManager, inOrder } from './ask-managers.ts';
import { aFollowing } from './following.fixture.ts';

for (const [title, last, dice, expected] of [
  ['the one of last time first', 'c', [0.1, 0.2], ['c', 'a', 'b']],
  ['the others as the dice fall', 'c', [0.9, 0.2], ['c', 'b', 'a']],
  ['no last time: all as the dice fall', undefined, [0.5, 0.9, 0.1], ['c', 'a', 'b']],
  ['one that is no manager any more is not asked', 'd', [0.1, 0.2, 0.3], ['a', 'b', 'c']],
] as const) {
  test(`inOrder(): ${title}`, () => {
    const left: number[] = [...dice];
    assert.deepEqual(
      inOrder(['a', 'b', 'c'], last, () => left.shift() ?? 0),
      expected,
    );
  });
}

for (const [title, port, expected] of [
  ['without swarm.port', 0, 'this node is a worker and swarm.port is not set'],
  ['where the engine names no manager', 2378, 'the engine names no manager of the Swarm'],
] as const) {
  test(`askOneManager(): ${title}: says what is not known, and why`, async () => {
    const ended = new AbortController();
    const lost: string[] = [];
    await askOneManager(
      aFollowing({
        settings: settingsSchema.parse({ swarm: { port } }),
        signal: ended.signal,
        lost({ code, message }) {
          lost.push(`${code}: ${message}`);
          ended.abort();
        },
      }),
    );
    assert.deepEqual(lost, [
      `swarm-unavailable: ${expected}: services whose tasks run elsewhere are not known for sure`,
    ]);
  });
}
