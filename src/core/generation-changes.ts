/** How one generation differs from another, as files. */
import type { Generation } from './generation.ts';
import type { FileTree } from './model.ts';
import { handChanges } from './hand-changes.ts';
import { planFiles, type FileChange } from './plan-files.ts';

export const INDEX = 'portcullis.conf';

const withIndex = (files: FileTree, index: string): FileTree => new Map([...files, [INDEX, index]]);

const filesOf = ({ siteFiles, index }: Generation): FileTree => withIndex(siteFiles, index);

/** Files named by their content need no reading to be compared: a name that both have is a text that both have. */
export function changesByName(
  live: ReadonlySet<string>,
  { siteFiles, index }: Generation,
): readonly FileChange[] {
  return [
    { kind: 'replace', path: INDEX, text: index },
    ...[...siteFiles].flatMap(([path, text]): readonly FileChange[] =>
      live.has(path) ? [] : [{ kind: 'create', path, text }],
    ),
    ...[...live].flatMap((path): readonly FileChange[] =>
      siteFiles.has(path) ? [] : [{ kind: 'remove', path }],
    ),
  ];
}

export const changesToAll = (generation: Generation): readonly FileChange[] =>
  planFiles(new Map(), filesOf(generation));

type OnDisk = { readonly id: string; readonly index: string; readonly files: FileTree };

/**
 * @param live the live generation, with the files that it includes as they are on disk
 * @returns what to change, and which of the live files somebody changed by hand
 */
export function changesFrom(
  live: OnDisk,
  generation: Generation,
  { keepDrift, hash }: { readonly keepDrift: boolean; readonly hash: (text: string) => string },
): { readonly changes: readonly FileChange[]; readonly drift: readonly string[] } {
  const drift = handChanges(live, live.files, hash);
  const changes = planFiles(withIndex(live.files, live.index), filesOf(generation));
  if (!keepDrift) return { drift, changes };
  // A file that is gone is none to keep, and another generation has an index of its own.
  const isKept = ({ kind, path }: FileChange): boolean =>
    kind === 'replace' && (path === INDEX ? generation.id === live.id : drift.includes(path));
  return { drift, changes: changes.filter((change) => !isKept(change)) };
}
