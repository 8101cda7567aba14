import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of V8's space for new objects. Less makes each pass slower, more is only ever garbage. */
const ENOUGH_BYTES = 4 * 1024 * 1024;

/**
 * Lets V8's space for new objects grow to 4 MB and no further, where it would take 32: this process
 * mostly waits. A limit can only be given on node's command line, but growth can be ended at any
 * moment; so it is provoked here, by objects that live for a few milliseconds.
 */
export function keepHeapSmall(): void {
  const kept: object[] = [];
  while (youngBytes() < ENOUGH_BYTES && kept.length < 1_000_000) {
    for (let count = 0; count < 1_000; count++) kept.push({ count });
  }
  setFlagsFromString('--semi-space-growth-factor=1');
}

const youngBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
