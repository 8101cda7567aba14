/** Images without a registry: busybox and a few files. */
import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/adapters/run.ts';
import { findProgram } from './requirements.ts';

export const IMAGE = 'lab/web:1';
/** As IMAGE, with a health check: healthy as long as /healthy is there. */
export const HEALTH_IMAGE = 'lab/health:1';

/** Arguments of `docker run` for the same check with an image that has none. */
export const HEALTH_ARGS = [
  ...['--health-cmd', 'test -e /healthy', '--health-interval', '300ms'],
  ...['--health-retries', '1', '--health-timeout', '2s'],
];

const HEALTH_CHECK = 'HEALTHCHECK --interval=300ms --retries=1 --timeout=2s CMD test -e /healthy';

/** What the shell of the image can run. */
const APPLETS = [
  ...['sh', 'httpd', 'nc', 'sleep', 'cat', 'env', 'hostname', 'test', 'rm', 'touch', 'echo'],
  ...['ip', 'ping', 'wget', 'ls', 'ps', 'kill'],
];

/** Prints what reached it: the container's name, the request and its headers. */
const ECHO = `#!/bin/sh
echo "Content-Type: text/plain"; echo
echo "HOSTNAME=$(hostname)"
env
`;

/** Builds both images below `folder` and hands them to `docker`. */
export async function importImages(
  docker: (...args: readonly string[]) => Promise<string>,
  folder: string,
): Promise<void> {
  const tarball = await packRoot(folder);
  await Promise.all([
    docker('import', tarball, IMAGE),
    docker('import', '--change', HEALTH_CHECK, tarball, HEALTH_IMAGE),
  ]);
}

/** A tarball of the plain image's files, made below `folder`. */
export async function packRoot(folder: string): Promise<string> {
  const root = join(folder, 'rootfs');
  for (const name of ['bin', 'www/cgi-bin', 'etc', 'tmp', 'proc']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await copyFile(findProgram('busybox') ?? '/bin/busybox', join(root, 'bin/busybox'));
  await chmod(join(root, 'bin/busybox'), 0o755);
  for (const name of APPLETS) await symlink('busybox', join(root, 'bin', name));
  await writeFile(join(root, 'www/index.html'), 'lab\n');
  await writeFile(join(root, 'www/cgi-bin/echo'), ECHO, { mode: 0o755 });
  await writeFile(join(root, 'healthy'), '');
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\n');
  const tarball = join(folder, 'rootfs.tar');
  const { code, stderr } = await run('tar', ['-C', root, '-cf', tarball, '.']);
  if (code !== 0) throw new Error(`tar: ${stderr}`);
  return tarball;
}
