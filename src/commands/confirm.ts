import { createInterface } from 'node:readline/promises';
import { PortcullisError } from '../errors.ts';

/**
 * Asks before a host is changed. `--yes` answers; without a terminal it must be given. Ctrl-C and Ctrl-D mean no.
 *
 * @throws {PortcullisError} `bad-usage` when nobody can be asked
 */
export async function confirm(
  question: string,
  { yes }: { readonly yes?: true },
): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new PortcullisError(
      'bad-usage',
      'this changes the host, and there is no terminal to ask on: add --yes',
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    prompt.close();
  }
}
