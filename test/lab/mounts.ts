import { readFileSync } from 'node:fs';
import { run } from '../../src/adapters/run.ts';

export async function unmountBelow(folder: string): Promise<void> {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.toReversed()) await run('umount', ['-l', point]);
}
