/**
 * A copy of the user's main configuration that reads a candidate index in place of the live one, so
 * that `nginx -t` judges it among everything else before it is live. Nginx resolves relative paths
 * against the folder of its -c file, so the copy lies in a folder with a link to each neighbour of
 * the real one. (ngx_conf_full_name(), conf_prefix)
 */
import { lstat, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unwritable } from './atomic-file.ts';
import type { UserConfig } from './nginx-user-config.ts';

const CANDIDATE = 'candidate-index.conf';

/**
 * Writes the copy into `folder`.
 *
 * @returns path of the main configuration to give to `nginx -t -c`, and where it looks for the
 *   candidate: put a link or a file there
 */
export async function writeTestTree(
  user: UserConfig,
  folder: string,
): Promise<{ readonly configPath: string; readonly candidatePath: string }> {
  const candidatePath = join(folder, CANDIDATE);
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o755 });
    const confDir = dirname(user.configPath);
    const names = await readdir(confDir).catch(() => []);
    for (const name of names) {
      if (name !== basename(user.configPath))
        await symlink(join(confDir, name), join(folder, name));
    }
    const copies = copiesOf(user, folder, candidatePath);
    for (const [path, text] of copies) {
      if (
        await lstat(path).then(
          () => true,
          () => false,
        )
      )
        await rm(path, { recursive: true });
      await writeFile(path, text);
    }
  } catch (cause) {
    throw unwritable(folder, cause);
  }
  return { configPath: join(folder, basename(user.configPath)), candidatePath };
}

/** The files on the way from the main configuration to our entry, rewritten. */
function copiesOf(
  { files, includes, entries, configPath }: UserConfig,
  folder: string,
  candidatePath: string,
): ReadonlyMap<string, string> {
  const copies = new Map<string, string>();
  const onTheWay = (file: string): boolean =>
    includes.some(
      (line) => line.file === file && line.matches.some((m) => entries.has(m) || onTheWay(m)),
    );
  const copyPath = (file: string): string =>
    file === configPath
      ? join(folder, basename(file))
      : join(folder, `copy-${file.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`);

  const copy = (file: string): void => {
    let text = files.get(file) ?? '';
    for (const { pattern, matches } of includes.filter((line) => line.file === file)) {
      if (!matches.some((match) => entries.has(match) || onTheWay(match))) continue;
      const replaced = matches.map((match) => {
        if (entries.has(match)) return `include "${candidatePath}";`;
        if (!onTheWay(match)) return `include "${match}";`;
        copy(match);
        return `include "${copyPath(match)}";`;
      });
      text = replaceInclude(text, pattern, replaced.join(' '));
    }
    copies.set(copyPath(file), text);
  };
  copy(configPath);
  return copies;
}

/** Replaces each `include <pattern>;` outside comments, and nothing else. */
export function replaceInclude(text: string, pattern: string, replacement: string): string {
  const escaped = pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  const line = new RegExp(`^([^#\\n]*?)\\binclude\\s+(["']?)${escaped}\\2\\s*;`, 'gm');
  let before;
  let after = text;
  do {
    before = after;
    after = before.replace(line, (_match, lead: string) => `${lead}${replacement}`);
  } while (after !== before && !replacement.includes(pattern));
  return after;
}
