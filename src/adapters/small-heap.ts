import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of the space for new objects. Less makes each pass slower, more is only ever garbage. */
const ENOUGH_BYTES = 4 * 1024 * 1024;

/**
 * Stops V8's space for new objects from growing beyond 4 MB, where it would take 32: this process
 * mostly waits. The limit itself can only be given on node's command line; its growth can be stopped.
 */
export function keepHeapSmall(): void {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  if ((young?.space_size ?? 0) >= ENOUGH_BYTES) setFlagsFromString('--semi-space-growth-factor=1');
}
