import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const WILD = /[*?[]/;

/**
 * Paths that match `pattern` (absolute), in byte order, as glob(3) gives them to Nginx. Without a
 * wildcard: the path itself, there or not.
 *
 * @param seen is told each folder that was listed
 */
export async function globPaths(
  pattern: string,
  seen: (folder: string) => void = () => {},
): Promise<readonly string[]> {
  if (!WILD.test(pattern)) return [pattern];
  let found = ['/'];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const [depth, part] of parts.entries()) {
    const isLast = depth === parts.length - 1;
    const next = await Promise.all(
      found.map(async (folder) => {
        if (!WILD.test(part)) return [join(folder, part)];
        seen(folder);
        const names = await readdir(folder).catch(() => []);
        return names
          .filter(matcher(part))
          .toSorted()
          .map((name) => join(folder, name));
      }),
    );
    found = next.flat();
    if (!isLast) found = await existing(found);
  }
  return WILD.test(parts.at(-1) ?? '') ? found : existing(found);
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_path, index) => there[index]);
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
