/** Files of the live generation that somebody changed by hand: each is named by the hash of its content. */
import { generationFile, includedFiles, NO_ID } from './generation.ts';
import type { FileTree } from './model.ts';

/**
 * Paths relative to nginx.dir, sorted; a file that is gone is one of them.
 *
 * @param files what is on disk of those that the index includes
 * @param hash as the generation was built with
 */
export function handChanges(
  { id, index }: { readonly id: string; readonly index: string },
  files: FileTree,
  hash: (text: string) => string,
): readonly string[] {
  const sites = includedFiles(index).filter((path) => {
    const text = files.get(path);
    return text === undefined || !path.endsWith(`.${hash(text)}.conf`);
  });
  const indexIsOurs = hash(index.replace(id, NO_ID)) === id;
  return [...(indexIsOurs ? [] : [generationFile(id)]), ...sites].toSorted();
}
