/**
 * A copy of the user's main configuration that reads a candidate index in place of the live one, so
 * that `nginx -t` judges it among everything else before it is live. Nginx resolves relative paths
 * against the folder of its -c file, so the copy lies in a folder with a link to each neighbour of
 * the real one. (ngx_conf_full_name(), conf_prefix)
 */
import { access, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { testCopies } from '../core/test-copies.ts';
import { PortcullisError } from '../errors.ts';
import { makeFolder, unwritable } from './atomic-file.ts';
import type { UserConfig } from './nginx-user-config.ts';

const PREFIX = 'portcullis-test-';

export type TestTree = {
  /** The main configuration to give to `nginx -t -c`. */
  readonly configPath: string;
  /** Somebody may have cleared the folder away. */
  isThere(): Promise<boolean>;
  /** Makes it read the index at `indexPath`. */
  pointTo(indexPath: string): Promise<void>;
  /** What Nginx said, with the user's own paths in place of the copies'. */
  readonly translate: (text: string) => string;
};

/** Writes the copy into `folder`, in place of what was there. */
export async function writeTestTree(user: UserConfig, folder: string): Promise<TestTree> {
  const main = basename(user.configPath);
  const confDir = dirname(user.configPath);
  const candidatePath = join(folder, `${PREFIX}candidate.conf`);
  const order = [...user.files.keys()];
  const copyPath = (path: string): string =>
    join(folder, path === user.configPath ? main : `${PREFIX}${order.indexOf(path)}.conf`);
  const copies = testCopies(user, { candidatePath, copyPath });
  try {
    await rm(folder, { recursive: true, force: true });
    await makeFolder(folder);
    const neighbours = user.neighbours.filter((name) => name !== main && !name.startsWith(PREFIX));
    await Promise.all([
      ...neighbours.map((name) => symlink(join(confDir, name), join(folder, name))),
      // A file that only its owner may read is not shown to others by its copy.
      ...[...copies].map(async ([path, text]) =>
        writeFile(copyPath(path), text, { mode: await user.modeOf(path) }),
      ),
    ]);
  } catch (cause) {
    throw cause instanceof PortcullisError ? cause : unwritable(folder, cause);
  }
  const names = [...copies.keys()].map((path): [string, string] => [copyPath(path), path]);
  let candidate = '';
  return {
    configPath: copyPath(user.configPath),
    isThere: () =>
      access(copyPath(user.configPath)).then(
        () => true,
        () => false,
      ),
    async pointTo(indexPath) {
      const temporary = `${candidatePath}.tmp`;
      try {
        await rm(temporary, { force: true });
        await symlink(indexPath, temporary);
        await rename(temporary, candidatePath);
      } catch (cause) {
        throw unwritable(candidatePath, cause);
      }
      candidate = indexPath;
    },
    translate: (text) =>
      [
        ...names,
        [candidatePath, candidate] as const,
        [`${folder}/`, `${confDir}/`] as const,
      ].reduce((result, [copy, original]) => result.replaceAll(copy, original), text),
  };
}
