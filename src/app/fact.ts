import { withDeadline } from '../adapters/deadline.ts';
import type { Fact } from '../core/doctor/check.ts';
import { PortcullisError } from '../errors.ts';

/** Looks at one thing, and never for longer than `ms`. Whatever goes wrong is why it is not known. */
export async function fact<T>(
  ms: number,
  look: (signal: AbortSignal) => Promise<T>,
): Promise<Fact<T>> {
  try {
    const value = await withDeadline(ms, new AbortController().signal, look);
    return { known: true, value };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = error instanceof PortcullisError ? error.detail?.trim().split('\n')[0] : '';
    return { known: false, why: detail ? `${why} (${detail})` : why };
  }
}

/** The value, or the reason thrown on: for what builds on another fact. */
export async function valueOf<T>(found: Promise<Fact<T>>): Promise<T> {
  const settled = await found;
  if (settled.known) return settled.value;
  throw new Error(settled.why);
}
