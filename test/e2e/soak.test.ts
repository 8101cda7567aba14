/** Two minutes of `npm run soak`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../soak/soak.ts';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 120);
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);

test(`soak: ${SECONDS} seconds of random trouble, SOAK_SEED=${SEED}: the oracle finds all as it should be`, async () => {
  const { mismatches, looks, events } = await soak({
    seconds: SECONDS,
    seed: SEED,
    say: console.log,
  });
  assert.deepEqual(mismatches, []);
  assert.ok(looks > 1 && events.seen > 0 && events.reloads > 0, JSON.stringify({ looks, events }));
});
