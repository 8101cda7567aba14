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

test('nextRepair(): the first twenty are at once and no alarm', () => {
  assert.deepEqual(
    fight(200),
    Array.from({ length: 20 }, (_unused, at) => ({ at, alarm: false })),
  );
});

test('nextRepair(): then each waits twice as long, up to 2 s, and is an alarm', () => {
  const later = fight(12_000).slice(19);
  const gaps = later.slice(1).map(({ at }, index) => at - (later[index]?.at ?? 0));
  assert.deepEqual(gaps, [250, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
  assert.ok(later.slice(1).every(({ alarm }) => alarm));
});

test('nextRepair(): one an hour is no fight', () => {
  let state: RepairState = NO_REPAIRS;
  for (let hour = 0; hour < 20; hour++) {
    const step = nextRepair(state, hour * 3_600_000);
    assert.deepEqual(step.action, { kind: 'repair', alarm: false });
    state = step.state;
  }
});

test('nextRepair(): a minute of calm ends a fight', () => {
  const state: RepairState = { repairs: [0], backoffMs: 2_000 };
  assert.deepEqual(nextRepair(state, 62_001).action, { kind: 'repair', alarm: false });
  assert.deepEqual(nextRepair(state, 61_999).action, { kind: 'repair', alarm: true });
});
