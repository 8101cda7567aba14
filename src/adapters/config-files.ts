import { readFile, readdir, readlink, stat } from 'node:fs/promises';

/** The little that reading a configuration takes, so that it may lie in a container as well. */
export type ConfigFiles = {
  /** @throws an error with a `code`, as `ENOENT` */
  readText(path: string): Promise<string>;
  /** Names in a folder, in no order; none where it cannot be listed. */
  list(folder: string): Promise<readonly string[]>;
  /** Where a symbolic link points to, as written; undefined for all else. */
  readLink(path: string): Promise<string | undefined>;
  /** Another text whenever the file or folder changed; `''` where there is none. */
  stamp(path: string): Promise<string>;
  /** Permission bits of a file; 0o644 where they cannot be told. */
  mode(path: string): Promise<number>;
};

export const localFiles: ConfigFiles = {
  readText: (path) => readFile(path, 'utf8'),
  list: (folder) => readdir(folder).catch(() => []),
  readLink: (path) => readlink(path).catch(() => undefined),
  async stamp(path) {
    const status = await stat(path, { bigint: true }).catch(() => undefined);
    return status ? `${status.mtimeNs} ${status.ctimeNs} ${status.ino} ${status.size}` : '';
  },
  async mode(path) {
    const status = await stat(path).catch(() => undefined);
    return (status?.mode ?? 0o644) & 0o777;
  },
};
