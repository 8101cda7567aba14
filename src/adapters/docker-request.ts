import { Agent as HttpAgent, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type Docker from 'dockerode';
import { PortcullisError } from '../errors.ts';
import { dockerRefused, dockerUnreachable, opening } from './docker-error.ts';
import type { DockerTarget } from './docker-target.ts';
import { DeadlineError, withDeadline } from './deadline.ts';

export type DockerCall = {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | object>>;
  readonly body?: object;
  readonly signal: AbortSignal;
  /** For the whole answer, or its head where the answer is a stream. */
  readonly limitMs: number;
};

/** The Docker API as bytes. Every failure is a PortcullisError, except the reason of an aborted signal. */
export type DockerHttp = {
  readonly url: string;
  /** Resolves with the head of the answer; the caller reads the body. Only statuses of success. */
  stream(call: DockerCall): Promise<IncomingMessage>;
  /** The whole body. */
  bytes(call: DockerCall): Promise<Buffer>;
  /** The whole body, parsed. */
  json(call: DockerCall): Promise<unknown>;
  /** The same, and whether it is Podman that answers, by the version in its head. */
  jsonOf(call: DockerCall): Promise<{ readonly json: unknown; readonly podman: boolean }>;
};

/** Does Podman answer? It names its own version in each head. */
export const isPodman = ({ headers }: IncomingMessage): boolean =>
  headers['libpod-api-version'] !== undefined;

/** The part of docker-modem that is used: one request, its answer as a stream, whatever its status. */
type Modem = {
  dial(options: object, callback: (error: Error | null, answer: unknown) => void): void;
};

const MAX_BYTES = 256 * 1024 * 1024;
// docker-modem fails for every status that is not true here, and hangs when such a body breaks off.
const ANY_STATUS = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [100 + n, true]));

export async function openDockerHttp(target: DockerTarget): Promise<DockerHttp> {
  const { default: Client } = await import('dockerode'); // lazy: --help must not pay for it
  const modem = newModem(() => new Client(clientOptions(target)));
  const { url } = target;

  const whole = (call: DockerCall): Promise<{ body: Buffer; podman: boolean }> =>
    limited(url, call, async (signal) => {
      const answer = await dial(modem, { ...call, signal });
      const body = await readBody(answer, signal);
      const podman = isPodman(answer);
      if (isSuccess(answer)) return { body, podman };
      throw dockerRefused(describeCall(call), answer.statusCode ?? 0, body.toString());
    });
  const jsonOf: DockerHttp['jsonOf'] = async (call) => {
    const { body, podman } = await whole(call);
    const text = body.toString();
    try {
      return { json: JSON.parse(text), podman };
    } catch (cause) {
      throw new PortcullisError(
        'docker-refused',
        `Docker at ${url} answered ${describeCall(call)} with something that is not JSON`,
        { detail: opening(text), cause },
      );
    }
  };

  return {
    url,
    jsonOf,
    json: async (call) => (await jsonOf(call)).json,
    bytes: async (call) => (await whole(call)).body,
    async stream(call) {
      // The stream lives on after its head, so it ends by the caller's signal, not by the limit's.
      const living = new AbortController();
      const stop = (): void => living.abort(call.signal.reason);
      call.signal.addEventListener('abort', stop, { once: true });
      const release = (): void => call.signal.removeEventListener('abort', stop);
      try {
        const answer = await limited(url, call, async () => {
          const head = await dial(modem, { ...call, signal: living.signal });
          if (isSuccess(head)) return head;
          const body = await readBody(head, living.signal);
          throw dockerRefused(describeCall(call), head.statusCode ?? 0, body.toString());
        });
        answer.once('close', release);
        answer.on('error', () => {}); // an abort while nobody reads is no crash
        return answer;
      } catch (error) {
        release();
        living.abort(error);
        throw error;
      }
    },
  };
}

/**
 * docker-modem reads DOCKER_HOST, and then the certificates, even where it is told everything; it
 * throws when one is missing that is not needed. So DOCKER_HOST is out of its sight meanwhile.
 */
function newModem(open: () => Docker): Modem {
  const hidden = process.env['DOCKER_HOST'];
  delete process.env['DOCKER_HOST'];
  try {
    return open().modem;
  } finally {
    if (hidden !== undefined) process.env['DOCKER_HOST'] = hidden;
  }
}

/** A name for TLS, which Node looks for even where none is spoken: that takes 3 ms. */
const PLAIN = { keepAlive: false, servername: '' };

// `agent` reaches docker-modem, though dockerode's types leave it out.
type ClientOptions = Docker.DockerOptions & { readonly agent: HttpAgent | HttpsAgent };

/** Names every option that docker-modem would otherwise take from the environment. */
function clientOptions(target: DockerTarget): ClientOptions {
  const none = {
    socketPath: undefined,
    host: undefined,
    port: undefined,
    username: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
    timeout: undefined,
    protocol: 'http',
    // One connection a request: a kept one may be dead after a restart of Docker.
    agent: new HttpAgent(PLAIN),
  } as const;
  if (target.kind === 'unix') return { ...none, socketPath: target.socketPath };
  const { host, port } = target;
  // With a scheme, or docker-modem takes an IPv6 address for a path.
  if (!target.tls) return { ...none, host: `http://${host}`, port };
  return {
    ...none,
    protocol: 'https',
    host: `https://${host}`,
    port,
    ...target.tls,
    agent: new HttpsAgent({ keepAlive: false }),
  };
}

async function limited<T>(
  url: string,
  call: DockerCall,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, limitMs } = call;
  try {
    return await withDeadline(limitMs, signal, work);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof PortcullisError) throw error;
    if (!(error instanceof DeadlineError)) throw dockerUnreachable(url, error);
    throw new PortcullisError(
      'docker-unreachable',
      `Docker at ${url} did not answer ${describeCall(call)} within ${limitMs / 1000} s`,
    );
  }
}

function dial(modem: Modem, { method = 'GET', path, query, body, signal }: DockerCall) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const options = { _query: query ?? {}, _body: body ?? {} };
    modem.dial(
      {
        path: `${path}?`, // without the ? docker-modem sends no query
        method,
        options,
        isStream: true,
        statusCodes: ANY_STATUS,
        abortSignal: signal,
      },
      (error, answer) => {
        if (answer instanceof IncomingMessage) resolve(answer);
        else reject(error ?? new Error('docker-modem gave no answer'));
      },
    );
  });
}

/** Not with docker-modem, which waits for ever when an answer breaks off. */
async function readBody(answer: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`the answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const isSuccess = ({ statusCode = 0 }: IncomingMessage): boolean =>
  statusCode >= 200 && statusCode < 300;

const describeCall = ({ method = 'GET', path }: DockerCall): string => `${method} ${path}`;
