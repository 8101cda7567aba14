import { PortcullisError } from '../errors.ts';

const ADVICE: Readonly<Record<string, string>> = {
  EMFILE: 'too many open files in this process: raise its limit (LimitNOFILE, ulimit -n)',
  ENFILE: 'too many open files on this machine: raise fs.file-max',
  ENOMEM: 'no memory left',
  EAGAIN: 'the limit of processes is reached',
};

/**
 * What a long-running part tells and tries again after: a failure of ours, or one of the system, as too
 * many open files.
 *
 * @throws `error` itself when it is neither: a bug ends the process
 */
export function troubleOf(error: unknown): PortcullisError {
  if (error instanceof PortcullisError) return error;
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) throw error;
  const advice = ADVICE[String(error.code)];
  return new PortcullisError('system', advice ? `${error.message}: ${advice}` : error.message, {
    cause: error,
  });
}
