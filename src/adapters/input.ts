import { readFile } from 'node:fs/promises';
import { PortcullisError } from '../errors.ts';
import { whyUnreadable } from './why-unreadable.ts';

/**
 * Reads JSON from a file, or from standard input for `-`.
 *
 * @throws {PortcullisError} `bad-input`, naming the file
 */
export async function readJson(source: string): Promise<unknown> {
  const name = source === '-' ? 'standard input' : source;
  let text: string;
  try {
    text = source === '-' ? await readAll(process.stdin) : await readFile(source, 'utf8');
  } catch (cause) {
    throw new PortcullisError('bad-input', `${name}: ${whyUnreadable(cause)}`, { cause });
  }
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new PortcullisError(
      'bad-input',
      `${name}: is not valid JSON${placeOf(cause)}; give the output of "docker inspect", of GET /containers/json or of "docker compose config --format json"`,
      { cause },
    );
  }
}

/** Not V8's own words: they quote the text, which may hold the environment of a container. */
function placeOf(cause: unknown): string {
  const position =
    cause instanceof Error ? / at position (\d+)/.exec(cause.message)?.[1] : undefined;
  return position === undefined ? '' : ` (at character ${position})`;
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
  return text;
}
