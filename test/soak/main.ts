/**
 * `npm run soak`: an hour of random trouble for a real `watch` in a lab, with an oracle. Needs root and the
 * packages of the lab. SOAK_SECONDS (3600) and SOAK_SEED change it; exit code 1 on a mismatch.
 */
import { requireLab } from '../lab/requirements.ts';
import { soak } from './soak.ts';

requireLab();
const seconds = Number(process.env['SOAK_SECONDS'] ?? 3_600);
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
console.log(`soak: ${seconds} seconds, SOAK_SEED=${seed}`);
const { operations, growth, mismatches, ...counts } = await soak({
  seconds,
  seed,
  say: console.log,
});
const { start, end } = growth;
console.log(
  Object.entries(operations)
    .map(([name, count]) => `${count} x ${name}`)
    .join(', '),
);
console.log(
  `events ${counts.events.seen}, passes ${counts.events.reconciles}, reloads ${counts.events.reloads}`,
);
console.log(
  `repairs ${counts.repairs}, refused by Docker ${counts.refused}, looks ${counts.looks}`,
);
console.log(
  `memory ${start.residentMb.toFixed(0)} MB after warm-up, ${end.residentMb.toFixed(0)} MB at the end`,
);
console.log(`open files ${start.files}, ${end.files}`);
console.log(`mismatches ${mismatches.length}`);
process.exitCode = mismatches.length === 0 ? 0 : 1;
