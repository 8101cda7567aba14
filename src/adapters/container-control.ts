import { setTimeout as delay } from 'node:timers/promises';
import { isObject } from '../core/docker/reader.ts';
import { PortcullisError } from '../errors.ts';
import type { DockerHttp } from './docker-request.ts';
import type { RunResult } from './run.ts';

/** Acts on one container, by name or id. */
export type ContainerControl = {
  /** Runs a program in the container, without a shell. Never rejects for an exit code. */
  exec(container: string, argv: readonly string[], signal: AbortSignal): Promise<RunResult>;
  /** Sends a signal, as `HUP`, to the container's first process. */
  kill(container: string, signalName: string, signal: AbortSignal): Promise<void>;
  /** A file or folder of the container, as a tar archive. */
  archive(container: string, path: string, signal: AbortSignal): Promise<Buffer>;
};

const LIMIT_MS = 30_000;

export function createContainerControl(http: DockerHttp): ContainerControl {
  return {
    async exec(container, argv, signal) {
      const limit = { signal, limitMs: LIMIT_MS };
      const created = await http.json({
        ...limit,
        method: 'POST',
        path: pathOf(container, 'exec'),
        body: { AttachStdout: true, AttachStderr: true, Cmd: argv },
      });
      const id = isObject(created) ? created['Id'] : undefined;
      if (typeof id !== 'string') throw unexpected(http, 'an exec without an id');
      const output = await http.bytes({
        ...limit,
        method: 'POST',
        path: `/exec/${id}/start`,
        body: { Detach: false, Tty: false },
      });
      const code = await exitCode(http, id, limit);
      return { code, ...demultiplex(output, http), timedOut: false };
    },
    async kill(container, signalName, signal) {
      await http.bytes({
        method: 'POST',
        path: pathOf(container, 'kill'),
        query: { signal: signalName },
        signal,
        limitMs: LIMIT_MS,
      });
    },
    archive(container, path, signal) {
      const query = { path };
      return http.bytes({ path: pathOf(container, 'archive'), query, signal, limitMs: LIMIT_MS });
    },
  };
}

const pathOf = (container: string, rest: string): string =>
  `/containers/${encodeURIComponent(container)}/${rest}`;

type Limits = { readonly signal: AbortSignal; readonly limitMs: number };

/** Docker may close the output a moment before it knows the exit code. */
async function exitCode(http: DockerHttp, id: string, limit: Limits): Promise<number> {
  const giveUpAt = Date.now() + limit.limitMs;
  for (;;) {
    const answer = await http.json({ ...limit, path: `/exec/${id}/json` });
    const code = isObject(answer) ? answer['ExitCode'] : undefined;
    const running = isObject(answer) && answer['Running'] === true;
    if (!running && typeof code === 'number') return code;
    if (Date.now() > giveUpAt) throw unexpected(http, 'an exec that never ends');
    await delay(20, undefined, { signal: limit.signal });
  }
}

/** Frames of an 8-byte head, [stream, 0, 0, 0, length as 4 bytes], and their text. */
function demultiplex(output: Buffer, http: DockerHttp): { stdout: string; stderr: string } {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let at = 0;
  while (at < output.length) {
    const end = at + 8 <= output.length ? at + 8 + output.readUInt32BE(at + 4) : Infinity;
    if (end > output.length) throw unexpected(http, 'output that breaks off');
    (output[at] === 2 ? stderr : stdout).push(output.subarray(at + 8, end));
    at = end;
  }
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

function unexpected(http: DockerHttp, what: string): PortcullisError {
  return new PortcullisError('docker-refused', `Docker at ${http.url} answered with ${what}`);
}
