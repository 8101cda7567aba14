import { acquireLock } from '../adapters/lock.ts';

/** Runs `act` while no other Portcullis writes to `dir`. */
export async function withLock<T>(dir: string, act: () => Promise<T>): Promise<T> {
  const release = await acquireLock(dir);
  try {
    return await act();
  } finally {
    await release();
  }
}
