import type { FileTree } from './model.ts';

export type FileChange =
  | { readonly kind: 'create' | 'replace'; readonly path: string; readonly text: string }
  | { readonly kind: 'remove'; readonly path: string };

/** Lists the changes that turn `actual` into `desired`, in path order. No change: an empty list. */
export function planFiles(actual: FileTree, desired: FileTree): readonly FileChange[] {
  const paths = [...new Set([...actual.keys(), ...desired.keys()])].toSorted();
  return paths.flatMap((path): FileChange[] => {
    const before = actual.get(path);
    const after = desired.get(path);
    if (after === before) return [];
    if (after === undefined) return [{ kind: 'remove', path }];
    return [{ kind: before === undefined ? 'create' : 'replace', path, text: after }];
  });
}
