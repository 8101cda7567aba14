/** Takes the lock on a folder and keeps it: `node hold-lock.js <folder>`; says "held", or why not. */
import { openLock } from '../../src/adapters/lock.ts';

const lock = openLock(process.argv[2] ?? '');
try {
  await lock.hold();
  console.log('held');
  setInterval(() => {}, 60_000);
} catch (error) {
  console.log(error instanceof Error && 'code' in error ? error.code : error);
}
