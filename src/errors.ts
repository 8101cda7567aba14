export type ErrorCode =
  | 'bad-setting'
  | 'bad-usage'
  | 'bad-input'
  | 'docker-unreachable'
  | 'docker-refused'
  | 'nginx-missing'
  | 'nginx-not-running'
  | 'nginx-not-included'
  | 'nginx-rejected'
  | 'nginx-hangs'
  | 'nginx-reload-failed'
  | 'nothing-to-undo'
  | 'files-unwritable'
  | 'template-failed'
  | 'firewall-unavailable'
  | 'firewall-rejected'
  | 'systemd-failed'
  | 'already-running'
  | 'probe-impossible'
  | 'nmap-file'
  | 'not-running'
  | 'system'
  | 'watch-failed'
  | 'swarm-unavailable';

/**
 * A failure of something outside this program that a person can act on.
 * `message` is one line and names the thing that failed and what to do; `detail` is that thing's own
 * output, verbatim. Bugs are not PortcullisErrors: they stay plain Errors, keep their stack trace and
 * end the process.
 */
export class PortcullisError extends Error {
  override readonly name = 'PortcullisError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    { detail, cause }: { detail?: string; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.detail = detail;
  }
}
