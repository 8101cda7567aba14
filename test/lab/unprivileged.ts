/** Programs as a user who is not root, with the named capabilities and no way to more. */
import { chown, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run } from '../../src/adapters/run.ts';

export type User = {
  readonly uid: number;
  /** Groups besides its own, whose number is the uid. */
  readonly groups?: readonly number[];
  /** As `net_admin`. */
  readonly capabilities?: readonly string[];
};

export type AsUser = (user: User, argv: readonly string[]) => readonly string[];

/** On some machines only root may open /dev/null, which daemons need: theirs is one made in `folder`. */
export async function openUsers(folder: string): Promise<AsUser> {
  const device = join(folder, 'null');
  const { code, stderr } = await run('mknod', ['--mode=666', device, 'c', '1', '3']);
  if (code !== 0) throw new Error(`mknod: ${stderr}`);
  const bind = 'mount --bind "$0" /dev/null && exec "$@"';
  const apart = ['unshare', '--mount', 'sh', '-c', bind, device];
  return ({ uid, groups = [], capabilities = [] }, argv) => {
    const only = ['-all', ...capabilities.map((name) => `+${name}`)].join();
    return [
      ...[...apart, 'setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--no-new-privs'],
      groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`,
      ...[`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`],
      ...argv,
    ];
  };
}

/** The built program where every user may read it, whoever owns the checkout; its command line. */
export async function programForAll(folder: string): Promise<readonly string[]> {
  const to = join(folder, 'program');
  await mkdir(to);
  for (const part of ['dist', 'templates', 'package.json']) {
    await cp(join(packageRoot(), part), join(to, part), { recursive: true });
  }
  return [process.execPath, join(to, 'dist', 'cli.js')];
}

export async function folderOf(path: string, uid: number): Promise<string> {
  await mkdir(path, { recursive: true });
  await chown(path, uid, uid);
  return path;
}
