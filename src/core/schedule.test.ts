import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passDueAt } from './schedule.ts';

const settings = { debounce: 10, max_wait: 500, min_reload_interval: 250 };
const NEVER = -Infinity;

const CASES: readonly [
  title: string,
  pending: [firstAt: number, lastAt: number, previousAt: number],
  lastReloadAt: number,
  due: number,
][] = [
  ['a lone trigger is due at once', [1000, 1000, NEVER], NEVER, 1000],
  ['a trigger long after the one before is lone', [1000, 1000, 900], NEVER, 1000],
  ['a trigger right after another waits for the pause', [1000, 1000, 995], NEVER, 1010],
  ['a burst is due when it pauses', [1000, 1007, NEVER], NEVER, 1017],
  ['a burst without a pause is due after max_wait', [1000, 1499, NEVER], NEVER, 1500],
  ['reloads keep their distance', [1000, 1000, NEVER], 900, 1150],
  ['an old reload delays nothing', [1000, 1000, NEVER], 700, 1000],
];

for (const [title, [firstAt, lastAt, previousAt], lastReloadAt, due] of CASES) {
  test(`passDueAt(): ${title}`, () => {
    assert.equal(passDueAt({ firstAt, lastAt, previousAt }, lastReloadAt, settings), due);
  });
}
