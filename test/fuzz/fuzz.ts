/** `npm run fuzz`: FUZZ_RUNS cases (a million), from FUZZ_SEED. A case that fails is printed with what repeats it. */
import fc from 'fast-check';
import { answers, checkAnswer, tally } from './injection.ts';

const CHUNK = 5_000;
const runs = Number(process.env['FUZZ_RUNS'] ?? 1_000_000);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}, ${runs} cases`);
const startedAt = performance.now();
for (let done = 0; done < runs; done += CHUNK) {
  const result = fc.check(fc.property(answers, checkAnswer), {
    numRuns: Math.min(CHUNK, runs - done),
    seed: seed + done,
  });
  if (result.failed) {
    console.error(fc.defaultReportMessage(result));
    console.error(`repeat with: FUZZ_SEED=${seed + done} FUZZ_RUNS=${CHUNK} npm run fuzz`);
    process.exit(1);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  process.stderr.write(`\r${Math.min(done + CHUNK, runs)} cases, ${seconds.toFixed(0)} s `);
}
console.log(`\n${runs} cases, none failed: ${JSON.stringify(tally)}`);
