/** How a Node.js program of the tests runs in a container: with this machine's libraries, read-only. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../src/adapters/package-root.ts';
import type { RunContainer } from './engine.ts';

/** The command and arguments of a container that runs `replica.ts`. */
export function replicaArgs(graceMs: number): Pick<RunContainer, 'args' | 'command'> {
  const folders = [
    ...['/usr', '/lib', '/lib64', dirname(process.execPath)],
    ...[import.meta.dirname, join(packageRoot(), 'package.json')], // which says that it is a module
  ];
  const mounted = folders.filter(
    (path) => existsSync(path) && !(path !== '/usr' && path.startsWith('/usr/')),
  );
  return {
    args: [
      ...mounted.flatMap((path) => ['-v', `${path}:${path}:ro`]),
      ...['--health-cmd', 'test -e /tmp/ready', '--health-interval', '200ms'],
      ...['--health-retries', '1', '--health-timeout', '2s'],
    ],
    command: [process.execPath, join(import.meta.dirname, 'replica.js'), String(graceMs)],
  };
}
