import { openLock } from '../adapters/lock.ts';

/** Runs `act` while no other Portcullis writes to `dir`. */
export async function withLock<T>(dir: string, act: () => Promise<T>): Promise<T> {
  const lock = openLock(dir);
  await lock.hold();
  try {
    return await act();
  } finally {
    lock.release();
  }
}
