/**
 * The files on the way from the user's main configuration to our entry, rewritten so that the last
 * include reads a candidate. An include on the way becomes one include for each of its matches, all
 * on its first line: what Nginx says of line 12 is then true of the user's own file.
 */

import { groupBy } from './group-by.ts';

export type ReadInclude = {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly matches: readonly string[];
};

export type Copied = {
  readonly configPath: string;
  readonly files: ReadonlyMap<string, string>;
  readonly includes: readonly ReadInclude[];
  /** Paths by which our entry is included. */
  readonly entries: ReadonlySet<string>;
};

/** Original path -> text of its copy; the main configuration is always among them. */
export function testCopies(
  { configPath, files, includes, entries }: Copied,
  {
    candidatePath,
    copyPath,
  }: { readonly candidatePath: string; readonly copyPath: (original: string) => string },
): ReadonlyMap<string, string> {
  const byFile = groupBy(includes, ({ file }) => file);
  const known = new Map<string, boolean>();

  const leads = (path: string): boolean => {
    const before = known.get(path);
    if (before !== undefined) return before;
    known.set(path, false);
    const found = (byFile.get(path) ?? []).some(({ matches }) =>
      matches.some((match) => entries.has(match) || leads(match)),
    );
    known.set(path, found);
    return found;
  };

  const target = (match: string): string => {
    if (entries.has(match)) return candidatePath;
    return leads(match) ? copyPath(match) : match;
  };

  const rewritten = (path: string): string => {
    let text = files.get(path) ?? '';
    const backwards = (byFile.get(path) ?? []).toSorted((a, b) => b.start - a.start);
    for (const { start, end, matches } of backwards) {
      if (!matches.some((match) => entries.has(match) || leads(match))) continue;
      const lines = text.slice(start, end).replaceAll(/[^\n]/g, '');
      const list = matches.map((match) => `include ${quoted(target(match))};`).join(' ');
      text = text.slice(0, start) + list + lines + text.slice(end);
    }
    return text;
  };

  const paths = [...files.keys()].filter((path) => path === configPath || leads(path));
  return new Map(paths.map((path) => [path, rewritten(path)]));
}

const quoted = (path: string): string => `"${path.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
