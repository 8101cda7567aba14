/**
 * HTTP clients that ask without end, run in a namespace of their own: `load.js <LoadRequest as JSON>`.
 * Each line on its input is answered with the Tally of each client since the one before.
 */
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * `close`: a connection for each request. `retry`: keep-alive; asks again, once, when an idle connection was
 * closed under it. `plain`: keep-alive, and counts that. `post`: as `close`, with POST.
 */
export type Client = 'close' | 'retry' | 'plain' | 'post';

export type LoadRequest = {
  readonly address: string;
  readonly host: string;
  readonly clients: readonly Client[];
  /** Connections of each client; default 4. */
  readonly connections?: number;
};

export type Tally = {
  /** Answered with 200. */
  readonly answered: number;
  /** Reused connections that were closed before a byte of the answer came; the next attempt is on a new one. */
  readonly resets: number;
  /** Everything else, in words, with the milliseconds since 1970. */
  readonly failures: readonly string[];
};

export type Tallies = Readonly<Partial<Record<Client, Tally>>>;

type Counting = { answered: number; resets: number; failures: string[] };

const PAUSE_MS = 2;
const LIMIT_MS = 10_000;

/** A connection that ended without a byte of an answer. */
class Closed extends Error {}

class Connection {
  readonly #socket: Socket;
  #text = '';
  #ended: Error | undefined;
  #wake = (): void => {};
  used = false;

  constructor(address: string) {
    this.#socket = createConnection({ host: address, port: 80, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#text += text;
      this.#wake();
    });
    const end = (error?: Error): void => {
      this.#ended ??= error ?? new Error('closed');
      this.#wake();
    };
    this.#socket.on('error', end).on('end', () => end());
    this.#socket.setTimeout(LIMIT_MS, () => end(new Error(`silent for ${LIMIT_MS} ms`)));
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends one request; gives the status, and whether the connection may be used again. */
  async ask(request: string): Promise<{ status: number; reusable: boolean }> {
    this.#text = '';
    this.#socket.write(request);
    for (;;) {
      const answer = parse(this.#text);
      if (answer) {
        this.used = true;
        return answer;
      }
      if (this.#ended) {
        const { message } = this.#ended;
        if (this.#text === '') throw new Closed(message);
        throw new Error(`${message} in the middle of ${JSON.stringify(this.#text.slice(0, 60))}`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A whole answer; undefined while some of it is missing. */
function parse(text: string): { status: number; reusable: boolean } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
  if (Number.isNaN(length)) throw new Error(`no length in ${head}`);
  if (text.length < end + 4 + length) return undefined;
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  return { status, reusable: !/^connection: *close/im.test(head) };
}

async function run(
  client: Client,
  { address, host }: LoadRequest,
  counts: Counting,
): Promise<void> {
  const once = client === 'close' || client === 'post';
  const request =
    `${client === 'post' ? 'POST' : 'GET'} / HTTP/1.1\r\nHost: ${host}\r\n` +
    (once ? 'Connection: close\r\n' : '') +
    (client === 'post' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n');
  let connection: Connection | undefined;
  for (;;) {
    if (!connection?.open) {
      connection?.close();
      connection = new Connection(address);
    }
    const { used } = connection;
    try {
      const { status, reusable } = await connection.ask(request);
      if (status === 200) counts.answered += 1;
      else counts.failures.push(`${Date.now()}: status ${status}`);
      if (once || !reusable) connection = done(connection);
    } catch (error) {
      if (used && error instanceof Closed) counts.resets += 1;
      else counts.failures.push(`${Date.now()}: ${String(error)}${used ? '' : ', first request'}`);
      connection = done(connection);
      continue; // a client that asks again does so at once
    }
    await delay(PAUSE_MS);
  }
}

function done(connection: Connection | undefined): undefined {
  connection?.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const load: LoadRequest = JSON.parse(process.argv[2] ?? '');
  const none = (): Counting => ({ answered: 0, resets: 0, failures: [] });
  const counted = new Map(load.clients.map((client) => [client, none()]));
  for (const [client, counts] of counted) {
    for (let each = 0; each < (load.connections ?? 4); each += 1) void run(client, load, counts);
  }
  createInterface({ input: process.stdin }).on('line', () => {
    process.stdout.write(`${JSON.stringify(Object.fromEntries(counted))}\n`);
    for (const counts of counted.values()) Object.assign(counts, none());
  });
}
