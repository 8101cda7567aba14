import { join } from 'node:path';
import { localFiles, type ConfigFiles } from './config-files.ts';

const WILD = /[*?[]/;

export type GlobOptions = {
  readonly source?: Pick<ConfigFiles, 'list' | 'stamp'>;
  /** Is told each folder that was listed. */
  readonly seen?: (folder: string) => void;
};

/**
 * Paths that match `pattern` (absolute), in byte order, as glob(3) gives them to Nginx. Without a
 * wildcard: the path itself, there or not.
 */
export async function globPaths(
  pattern: string,
  { source = localFiles, seen }: GlobOptions = {},
): Promise<readonly string[]> {
  if (!WILD.test(pattern)) return [pattern];
  let found = ['/'];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const part of parts) {
    const next = await Promise.all(
      found.map(async (folder) => {
        if (!WILD.test(part)) return [join(folder, part)];
        seen?.(folder);
        const names = await source.list(folder);
        return names
          .filter(matcher(part))
          .toSorted()
          .map((name) => join(folder, name));
      }),
    );
    found = next.flat();
  }
  return WILD.test(parts.at(-1) ?? '') ? found : existing(source, found);
}

/** Would `pattern` match `path` if that were there? */
export function matchesGlob(pattern: string, path: string): boolean {
  const parts = pattern.split('/');
  const names = path.split('/');
  return (
    parts.length === names.length && parts.every((part, index) => matcher(part)(names[index] ?? ''))
  );
}

async function existing(
  source: Pick<ConfigFiles, 'stamp'>,
  paths: readonly string[],
): Promise<string[]> {
  const stamps = await Promise.all(paths.map((path) => source.stamp(path)));
  return paths.filter((_path, index) => stamps[index] !== '');
}

function matcher(part: string): (name: string) => boolean {
  const source = part.replaceAll(/\[!?[^\]]+\]|[\s\S]/g, (piece) => {
    if (piece === '*') return '[^/]*';
    if (piece === '?') return '[^/]';
    if (piece.length > 1) return piece.replace('[!', '[^').replaceAll('\\', '\\\\');
    return piece.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`);
  });
  const pattern = new RegExp(`^${source}$`);
  // A leading dot is only matched by a leading dot.
  return (name) => (part.startsWith('.') || !name.startsWith('.')) && pattern.test(name);
}
