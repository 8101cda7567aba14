import { createTwoFilesPatch } from 'diff';
import type { FileTree } from '../core/model.ts';
import { planFiles } from '../core/plan-files.ts';

/** A unified diff of all changes; '' when there are none. */
export function unifiedDiff(actual: FileTree, desired: FileTree): string {
  return planFiles(actual, desired)
    .map(({ path }) => {
      const [before, after] = [actual.get(path), desired.get(path)];
      const patch = createTwoFilesPatch(
        before === undefined ? '/dev/null' : named('live', path),
        after === undefined ? '/dev/null' : named('new', path),
        before ?? '',
        after ?? '',
      );
      return patch.replace(/^(?:Index: .*\n)?=+\n/, '');
    })
    .join('');
}

const named = (side: string, path: string): string =>
  path.startsWith('/') ? path : `${side}/${path}`;
