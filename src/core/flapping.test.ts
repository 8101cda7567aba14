import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flapping } from './flapping.ts';

let clock = 0;
const ended = (name: string, id = name) => ({ name, id, timeNano: (clock += 1) });

test('Flapping: five ends within a minute, told once', () => {
  const flapping = new Flapping();
  const said = [0, 1_000, 2_000, 4_000, 8_000, 9_000].map((at) =>
    flapping.ended(ended('web', 'a1'), at),
  );
  assert.deepEqual(said.filter(Boolean), [{ name: 'web', ends: 5, seconds: 8 }]);
  assert.equal(said[4], said.find(Boolean));
  assert.deepEqual(
    [flapping.names, flapping.has('a1'), flapping.has('b1')],
    [['web'], true, false],
  );
});

test('Flapping: five ends in more than a minute are none, nor are those of five containers', () => {
  const flapping = new Flapping();
  for (const at of [0, 20_000, 40_000, 60_000, 80_000]) {
    assert.equal(flapping.ended(ended('web', 'a1'), at), undefined);
  }
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    assert.equal(flapping.ended(ended(name), 0), undefined);
  }
});

test('Flapping: one that is made anew each time is the same container', () => {
  const flapping = new Flapping();
  for (const id of ['1', '2', '3', '4', '5', '6']) flapping.ended(ended('job', id), 0);
  assert.deepEqual([flapping.names, flapping.has('6'), flapping.has('1')], [['job'], true, false]);
});

test('Flapping: three minutes without an end are calm; the next fight is told again', () => {
  const flapping = new Flapping();
  for (let round = 0; round < 5; round++) flapping.ended(ended('web'), 0);
  assert.deepEqual(flapping.calmed(180_000), []);
  assert.deepEqual([flapping.calmed(180_001), flapping.names], [['web'], []]);
  const said = [1, 2, 3, 4, 5].map((at) => flapping.ended(ended('web'), 200_000 + at));
  assert.equal(said.filter(Boolean).length, 1);
});

test('Flapping: an event that is told twice is one', () => {
  const flapping = new Flapping();
  const once = ended('web');
  for (let round = 0; round < 9; round++) assert.equal(flapping.ended(once, 0), undefined);
});
