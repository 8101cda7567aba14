import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';

/**
 * Makes this process the only one that writes to `dir`, until it releases or ends. An abstract
 * socket's name (unix(7)) is the lock: the kernel frees it with the process, so none is ever stale.
 * It is shared by all processes of one network namespace.
 *
 * @throws {PortcullisError} `already-running`
 */
export async function acquireLock(dir: string): Promise<() => Promise<void>> {
  const name = lockName(dir);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        codeOf(cause) === 'EADDRINUSE'
          ? new PortcullisError(
              'already-running',
              `another Portcullis is at work on ${dir}: a running "portcullis watch" keeps it up to date by itself; stop that one first`,
              { cause },
            )
          : cause,
      );
    });
    server.listen({ path: name, exclusive: true }, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** Is a Portcullis at work on `dir`? Asking takes no lock. */
export const isLocked = (dir: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ path: lockName(dir) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const lockName = (dir: string): string =>
  `\0portcullis-${createHash('sha256').update(dir).digest('hex').slice(0, 32)}`;
