/** What Portcullis does to a container that is not its own: the one Nginx runs in. */
import { PassThrough, Writable } from 'node:stream';
import type Docker from 'dockerode';
import type { RunResult } from './run.ts';

export type ContainerControl = {
  /** Runs a program in the container, without a shell. */
  exec(container: string, argv: readonly string[], signal: AbortSignal): Promise<RunResult>;
  kill(container: string, signalName: string, signal: AbortSignal): Promise<void>;
};

type Call = <T>(signal: AbortSignal, act: (signal: AbortSignal) => Promise<T>) => Promise<T>;

export function createContainerControl(client: Docker, call: Call): ContainerControl {
  return {
    exec: (container, argv, signal) =>
      call(signal, async (abortSignal) => {
        const exec = await client
          .getContainer(container)
          .exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true, abortSignal });
        const stream = await exec.start({ abortSignal });
        const [stdout, stderr] = [collector(), collector()];
        client.modem.demuxStream(stream, stdout.stream, stderr.stream);
        await new Promise<void>((resolve, reject) => {
          stream.on('end', resolve).on('close', resolve).on('error', reject);
          stream.pipe(new PassThrough()).resume();
        });
        const { ExitCode } = await exec.inspect({ abortSignal });
        const code = ExitCode ?? 137;
        return { code, stdout: stdout.text(), stderr: stderr.text(), timedOut: false };
      }),
    kill: (container, signalName, signal) =>
      call(signal, async (abortSignal) => {
        await client.getContainer(container).kill({ signal: signalName, abortSignal });
      }),
  };
}

function collector(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
