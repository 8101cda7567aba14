/** 2,000 hostile answers of Docker; `npm run fuzz` tries a million. */
import { test } from 'node:test';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { answers, checkAnswer, tally } from './fuzz/injection.ts';

test('no answer of Docker, whatever its bytes, makes Nginx or a firewall do what was not meant', () => {
  fc.assert(fc.property(answers, checkAnswer), { numRuns: 2_000 });
  // Many cases must get as far as a site, or nothing was tried.
  assert.ok(
    tally.sites > tally.cases / 4 && tally.refused < tally.cases / 2,
    JSON.stringify(tally),
  );
});
