/** `npm run fuzz`: FUZZ_RUNS cases (a million), from FUZZ_SEED. A case that fails is printed with what repeats it. */
import fc from 'fast-check';
import { answers, checkAnswer, tally } from './injection.ts';
import { checkSetting, KEYS, settingsTally } from './settings.ts';
import { anyText } from './texts.ts';

const CHUNK = 5_000;
const runs = Number(process.env['FUZZ_RUNS'] ?? 1_000_000);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const key = fc.constantFrom(...KEYS.map((each) => each.key));
console.log(`seed ${seed}, ${runs} cases, and a tenth as many of the configuration`);
const startedAt = performance.now();
for (let done = 0; done < runs; done += CHUNK) {
  const size = Math.min(CHUNK, runs - done);
  report(fc.check(fc.property(answers, checkAnswer), { numRuns: size, seed: seed + done }), done);
  report(
    await fc.check(fc.asyncProperty(key, anyText, checkSetting), {
      numRuns: Math.ceil(size / 10),
      seed: seed + done,
    }),
    done,
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  process.stderr.write(`\r${done + size} cases, ${seconds.toFixed(0)} s `);
}
console.log(
  `\n${runs} cases, none failed: ${JSON.stringify({ ...tally, settings: settingsTally })}`,
);

function report<T>(result: fc.RunDetails<T>, done: number): void {
  if (!result.failed) return;
  console.error(fc.defaultReportMessage(result));
  console.error(`repeat with: FUZZ_SEED=${seed + done} FUZZ_RUNS=${CHUNK} npm run fuzz`);
  process.exit(1);
}
