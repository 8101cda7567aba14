import { createServer, request, type IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { complaints, statusMetrics, type Status } from '../core/status.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import type { Log } from './log.ts';

/** `127.0.0.1:9180`, `[::1]:9180`. */
function addressOf(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replaceAll(/[[\]]/g, ''), port: Number(listen.slice(at + 1)) };
}

/** More than this many connections, and the oldest is closed: who only holds one open keeps nobody out. */
const MOST_CONNECTIONS = 32;
/** For a whole request, and for a connection that says nothing. */
const PATIENCE_MS = 5_000;

type StatusDeps = {
  readonly status: () => Status;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Default 5 000. */
  readonly patienceMs?: number;
};

/**
 * `GET /status` (JSON), `/healthz` (200 or 503) and `/metrics` (Prometheus) until `signal`. Where the
 * port is taken that is told, and nothing else: `watch` has more to do.
 */
export function serveStatus(
  { listen, host }: Settings['status'],
  { status, log, signal, patienceMs = PATIENCE_MS }: StatusDeps,
): void {
  if (listen === '') return;
  const server = createServer(
    {
      requestTimeout: patienceMs,
      headersTimeout: patienceMs,
      connectionsCheckingInterval: Math.min(patienceMs, 1_000),
      maxHeaderSize: 8_192,
    },
    (asked, response) => {
      const { code, type, body } = answer(asked, host, status());
      response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(asked.method === 'HEAD' ? '' : body);
    },
  );
  const open = new Set<Socket>(); // in the order they came
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size > MOST_CONNECTIONS) oldest?.destroy();
  });
  server.setTimeout(2 * patienceMs); // also for who asks and never reads the answer
  server.on('error', (error) => log.warn('status-not-served', { listen, reason: error.message }));
  server.listen(addressOf(listen));
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      server.closeAllConnections();
    },
    { once: true },
  );
}

type Answer = { readonly code: number; readonly type: string; readonly body: string };
const text = (code: number, body: string): Answer => ({ code, type: 'text/plain', body });

function answer({ method, url, headers }: IncomingMessage, host: string, status: Status): Answer {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET\n');
  // A page in somebody's browser may have its own name lead here; it cannot ask by address.
  const name = (headers.host ?? '').replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');
  const isOurs = name === 'localhost' || isIP(name) > 0 || (host !== '' && name === host);
  if (!isOurs) return text(403, 'ask by address, or by status.host\n');
  const [path = ''] = (url ?? '').split('?');
  switch (path) {
    case '/status':
      return { code: 200, type: 'application/json', body: `${JSON.stringify(status, null, 2)}\n` };
    case '/healthz': {
      const bad = complaints(status);
      return bad.length === 0 ? text(200, 'ok\n') : text(503, `${bad.join('\n')}\n`);
    }
    case '/metrics':
      return { code: 200, type: 'text/plain; version=0.0.4', body: statusMetrics(status) };
    default:
      return text(404, '/status, /healthz or /metrics\n');
  }
}

/** @throws {PortcullisError} `not-running`: nobody answers there */
export function askStatus(listen: string): Promise<Status> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(
        new PortcullisError(
          'not-running',
          `no watch answers at ${listen} (${why}): start it with "portcullis watch"`,
        ),
      );
    const asked = request({ ...addressOf(listen), path: '/status', timeout: 3_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.once('end', () => {
        try {
          const status: Status = JSON.parse(body);
          if (typeof status.version !== 'string') throw new Error('no version');
          resolve(status);
        } catch {
          fail('something else listens there');
        }
      });
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in 3 s')));
    asked.once('error', (error) => fail(error.message));
    asked.end();
  });
}
