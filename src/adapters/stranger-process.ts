/** The part that runs inside the stranger's namespace, and ends with its parent. */
import { createInterface } from 'node:readline';
import type { Answer } from '../core/exposure/exposure.ts';
import { dial, type Dial } from './stranger-dial.ts';

const AT_ONCE = 500;

/** Says that it is there, reads one line with the dials, prints a line an answer in any order, and ends. */
export async function beStranger(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  lines.once('close', () => process.exit(0)); // the parent is gone: the namespace goes with us
  process.stdout.write('"ready"\n');
  const line = await new Promise<string>((resolve) => lines.once('line', resolve));
  const dials: readonly Dial[] = JSON.parse(line);
  const waiting = dials.entries();
  const worker = async (): Promise<void> => {
    for (const [index, each] of waiting) tell(index, await dial(each));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, dials.length) }, worker));
  process.stdout.write('"done"\n'); // and stays until the parent has looked at the neighbours
}

const tell = (index: number, answer: Answer): boolean =>
  process.stdout.write(`${JSON.stringify([index, answer])}\n`);
