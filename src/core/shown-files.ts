/** A generation as people see it: one file a site, named for its host, without the content's hash. */
import type { Generation } from './generation.ts';
import type { FileTree } from './model.ts';

const plainName = (file: string): string => file.replace(/\.[0-9a-f]{16}\.conf$/, '.conf');

/** Site files by their plain name. */
export function shownFiles(files: FileTree): FileTree {
  return new Map(
    [...files]
      .filter(([file]) => file.startsWith('sites/'))
      .map(([file, text]) => [plainName(file), text] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** All files of a generation for a folder of its own: `portcullis.conf` and `sites/<host>.conf`. */
export function standaloneFiles({
  index,
  siteFiles,
}: Pick<Generation, 'index' | 'siteFiles'>): FileTree {
  let entry = index;
  for (const file of siteFiles.keys()) entry = entry.replace(file, plainName(file));
  return new Map([['portcullis.conf', entry], ...shownFiles(siteFiles)]);
}
