/**
 * Stands between a client and the real engine: spoils chosen answers, holds, loses, doubles or turns
 * round events, records them and plays them again, and speaks for engines of another age.
 */
import { rmSync } from 'node:fs';
import {
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Fault =
  /** HTTP 500 */
  | 'error'
  /** HTTP 403, as a socket proxy says it */
  | 'forbidden'
  /** the connection ends within the body */
  | 'cut'
  /** half of a JSON text, politely ended */
  | 'garbage'
  | 'empty-body'
  /** whole, valid, and no container in it */
  | 'empty-list'
  /** whole, valid, and every second container is missing */
  | 'half-list'
  /** a head, the beginning of a body, then nothing */
  | 'hangs'
  /** not even a head */
  | 'silent';

export type EventFault = 'stall' | 'lose' | 'double' | 'reverse';

export type FaultyDocker = {
  readonly url: string;
  /** Answers to paths that match are spoilt; nothing is when undefined. */
  spoilt: { readonly path: RegExp; readonly fault: Fault } | undefined;
  eventFault: EventFault | undefined;
  /** The newest API version that is spoken; more is refused in the engine's words. */
  newestApi: string | undefined;
  /** What a request without a version is taken for. */
  pinnedApi: string | undefined;
  /** Every line of events that came, as the engine wrote it. */
  readonly recorded: string[];
  /** Versions that clients asked for, `none` for none. */
  readonly versions: Set<string>;
  /** Sends lines to everybody who reads events, `times` times, each time a microsecond later by the engine's clock. */
  replay(lines: readonly string[], times: number): Promise<void>;
  /** Nothing is spoilt from now on; what still hangs ends. */
  heal(): void;
  /** Ends every connection that is open. */
  cut(): void;
  /** Takes the socket away; `open` gives it back. */
  close(): Promise<void>;
  open(): Promise<void>;
};

const LIST = /\/containers\/json/;
/** Lines that come within this time are turned round. */
const TURN_MS = 300;

export async function startFaultyDocker(
  folder: string,
  engineSocket: string,
): Promise<FaultyDocker> {
  const socketPath = join(folder, 'faulty.sock');
  const streams = new Set<ServerResponse>();
  const hanging = new Set<ServerResponse>();
  let server: Server | undefined;

  const passOn = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const path = incoming.url ?? '/';
    const pinned = faulty.pinnedApi !== undefined && !/^\/v\d/.test(path);
    const onward = request(
      {
        socketPath: engineSocket,
        path: pinned ? `/v${faulty.pinnedApi}${path}` : path,
        method: incoming.method,
        headers: incoming.headers,
      },
      (answer) => {
        const thinned = faulty.spoilt?.fault === 'half-list' && LIST.test(path);
        if (thinned && faulty.spoilt?.path.test(path)) {
          void sendHalf(answer, outgoing);
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        outgoing.flushHeaders();
        if (path.includes('/events')) passEvents(answer, outgoing);
        else answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  };

  const passEvents = (answer: IncomingMessage, outgoing: ServerResponse): void => {
    streams.add(outgoing);
    outgoing.on('close', () => streams.delete(outgoing));
    answer.on('end', () => outgoing.end()).on('error', () => outgoing.destroy());
    let rest = '';
    let count = 0;
    let turned: string[] = [];
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        faulty.recorded.push(line);
        count += 1;
        const { eventFault } = faulty;
        if (eventFault === 'stall' || (eventFault === 'lose' && count % 2 === 0)) continue;
        if (eventFault === 'reverse') {
          turned.unshift(line);
          if (turned.length > 1) continue;
          setTimeout(() => {
            outgoing.write(turned.map((each) => `${each}\n`).join(''));
            turned = [];
          }, TURN_MS);
          continue;
        }
        outgoing.write(eventFault === 'double' ? `${line}\n${line}\n` : `${line}\n`);
      }
    });
  };

  const answerTo = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const path = incoming.url ?? '/';
    const version = /^\/v(\d+\.\d+)\//.exec(path)?.[1];
    faulty.versions.add(version ?? 'none');
    if (version !== undefined && faulty.newestApi !== undefined) {
      if (minor(version) > minor(faulty.newestApi)) {
        sendJson(outgoing, 400, {
          message: `client version ${version} is too new. Maximum supported API version is ${faulty.newestApi}`,
        });
        return;
      }
    }
    const { spoilt } = faulty;
    if (!spoilt?.path.test(path) || spoilt.fault === 'half-list') passOn(incoming, outgoing);
    else {
      hanging.add(outgoing.on('close', () => hanging.delete(outgoing)));
      spoil(outgoing, spoilt.fault);
    }
  };

  const faulty: FaultyDocker = {
    url: `unix://${socketPath}`,
    spoilt: undefined,
    eventFault: undefined,
    newestApi: undefined,
    pinnedApi: undefined,
    recorded: [],
    versions: new Set(),
    async replay(lines, times) {
      for (let round = 0; round < times; round += 1) {
        const text = lines.map((line) => `${later(line, round)}\n`).join('');
        for (const stream of streams) stream.write(text);
        if (round % 5 === 0) await delay(1);
      }
    },
    heal() {
      faulty.spoilt = faulty.eventFault = faulty.newestApi = faulty.pinnedApi = undefined;
      for (const outgoing of hanging) outgoing.destroy();
    },
    cut: () => server?.closeAllConnections(),
    close: () =>
      new Promise((resolve) => {
        server?.close(() => resolve());
        server?.closeAllConnections();
        rmSync(socketPath, { force: true });
      }),
    open: () =>
      new Promise((resolve) => {
        server = createServer(answerTo).listen(socketPath, resolve);
      }),
  };
  await faulty.open();
  return faulty;
}

/** No number of JavaScript's is as exact as the engine's. */
const later = (line: string, microseconds: number): string =>
  line.replace(
    /"timeNano":(\d+)/,
    (_match, digits: string) => `"timeNano":${BigInt(digits) + BigInt(microseconds) * 1_000n}`,
  );

const minor = (version: string): number => Number(version.split('.')[1]);

function sendJson(outgoing: ServerResponse, status: number, json: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
}

async function sendHalf(answer: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  const list: readonly unknown[] = JSON.parse(text);
  sendJson(
    outgoing,
    200,
    list.filter((_entry, index) => index % 2 === 1),
  );
}

function spoil(outgoing: ServerResponse, fault: Fault): void {
  const begin = (): void => {
    outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    outgoing.write('[{"Id":"x","Names":["/x"]');
  };
  switch (fault) {
    case 'error':
      return sendJson(outgoing, 500, { message: 'spoiled' });
    case 'forbidden':
      return void outgoing.writeHead(403).end('Forbidden');
    case 'cut':
      begin();
      return void setTimeout(() => outgoing.destroy(), 20);
    case 'hangs':
      return begin();
    case 'silent':
      return;
    case 'empty-list':
      return sendJson(outgoing, 200, []);
    case 'half-list':
      throw new Error('made from the real answer');
    case 'garbage':
    case 'empty-body':
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end(fault === 'garbage' ? '[{"Id":' : '');
  }
}
