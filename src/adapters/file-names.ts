import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';

/** As `namesOfFiles`; undefined where there is no such folder, as on another machine than the one meant. */
export const namesIfThere = async (folder: string): Promise<ReadonlySet<string> | undefined> =>
  existsSync(folder) ? namesOfFiles(folder) : undefined;

/** Names of the files in a folder; none when the folder cannot be read. */
export async function namesOfFiles(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return new Set(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name));
}
