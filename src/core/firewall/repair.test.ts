import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextRepair, NO_REPAIRS, type RepairState } from './repair.ts';

/** Something undoes each repair 1 ms later; when are the repairs, and which are alarms? */
function fight(untilMs: number): readonly { at: number; alarm: boolean }[] {
  const repairs: { at: number; alarm: boolean }[] = [];
  let state: RepairState = NO_REPAIRS;
  for (let now = 0; now < untilMs;) {
    const step = nextRepair(state, now);
    state = step.state;
    if (step.action.kind === 'repair') repairs.push({ at: now, alarm: step.action.alarm });
    now += step.action.kind === 'repair' ? 1 : step.action.ms;
  }
  return repairs;
}

test('nextRepair(): the first five are at once and no alarm', () => {
  assert.deepEqual(
    fight(500).map(({ at, alarm }) => [at, alarm]),
    [0, 1, 2, 3, 4].map((at) => [at, false]),
  );
});

test('nextRepair(): then each waits twice as long, up to 30 s, and is an alarm', () => {
  const later = fight(200_000).slice(4);
  const gaps = later.slice(1).map(({ at }, index) => at - (later[index]?.at ?? 0));
  assert.deepEqual(
    gaps,
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000],
  );
  assert.ok(later.slice(1).every(({ alarm }) => alarm));
});

test('nextRepair(): five an hour are no fight', () => {
  let state: RepairState = NO_REPAIRS;
  for (let hour = 0; hour < 20; hour++) {
    const step = nextRepair(state, hour * 3_600_000);
    assert.deepEqual(step.action, { kind: 'repair', alarm: false });
    state = step.state;
  }
});

test('nextRepair(): a minute of calm ends a fight', () => {
  const state: RepairState = { repairs: [0], backoffMs: 30_000 };
  assert.deepEqual(nextRepair(state, 90_001).action, { kind: 'repair', alarm: false });
  assert.deepEqual(nextRepair(state, 89_999).action, { kind: 'repair', alarm: true });
});
