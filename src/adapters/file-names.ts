import { readdir } from 'node:fs/promises';

/** Names of the files in a folder; none when the folder cannot be read. */
export async function namesOfFiles(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return new Set(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name));
}
