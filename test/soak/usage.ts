/** What a process holds, and whether that grows. */
import { readdirSync, readFileSync } from 'node:fs';

export type Usage = { readonly residentMb: number; readonly files: number };

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    files: readdirSync(`/proc/${pid}/fd`).length,
  };
}

export type Growth = {
  /** Medians: after the first quarter, which is warm-up, and of the last. */
  readonly start: Usage;
  readonly end: Usage;
};

export function growthOf(samples: readonly Usage[]): Growth {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  return {
    start: medianOf(samples.slice(quarter, 2 * quarter)),
    end: medianOf(samples.slice(-quarter)),
  };
}

function medianOf(samples: readonly Usage[]): Usage {
  const middle = (values: readonly number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    residentMb: middle(samples.map(({ residentMb }) => residentMb)),
    files: middle(samples.map(({ files }) => files)),
  };
}

/** More than noise: a heap is filled and emptied. */
export const grew = ({ start, end }: Growth): boolean =>
  end.residentMb > start.residentMb * 1.2 + 8 || end.files > start.files + 8;
