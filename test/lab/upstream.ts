/**
 * Real servers for the proxy to stand before, all on 127.0.0.1: HTTP with WebSocket and server-sent
 * events, HTTPS, gRPC with and without TLS, a forward-auth endpoint. Run as a program of its own:
 * `node upstream.js <JSON of UpstreamPorts>`; prints "ready".
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ECHO_SERVICE } from './grpc-echo.ts';

export type UpstreamPorts = {
  /** Each answers with its own port, so that a client sees whom it reached. */
  readonly http: readonly number[];
  readonly https: number;
  readonly grpc: number;
  readonly grpcs: number;
  readonly auth: number;
  /** PEM files of the TLS servers. */
  readonly certificate: string;
  readonly key: string;
};

const WEBSOCKET = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455, 1.3

/** Requests that were cut off. */
const broken: string[] = [];

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { url = '/', method, headers, socket } = request;
  if (url.startsWith('/events')) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
    await delay(1_500);
    response.end('data: second\n\n');
    return;
  }
  if (url.startsWith('/break?')) {
    broken.push(`${socket.localPort} ${method} ${url}`);
    socket.destroy();
    return;
  }
  if (url === '/broken') {
    const own = broken.filter((line) => line.startsWith(`${socket.localPort} `));
    response.end(own.join('\n'));
    return;
  }
  if (url.startsWith('/slow')) await delay(2_500);
  if (url.startsWith('/fail')) {
    response.writeHead(502, { 'content-type': 'text/plain' }).end('my own 502');
    return;
  }
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(request, 'end');
  response.writeHead(200, { 'content-type': 'application/json', 'x-powered-by': 'lab' });
  response.end(JSON.stringify({ port: socket.localPort, method, url, headers, bytes }));
}

/** Echoes frames of up to 125 bytes, which is all that the test sends. */
function upgrade(request: IncomingMessage, socket: NodeJS.WritableStream & NodeJS.ReadableStream) {
  const key = String(request.headers['sec-websocket-key']);
  const accept = createHash('sha1').update(`${key}${WEBSOCKET}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {});
  socket.on('data', (frame: Buffer) => {
    const length = (frame[1] ?? 0) & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  });
}

/** More than one header, and commas that end no cookie. */
export const AUTH_COOKIES: readonly string[] = [
  'session=ok; renewed=1',
  'csrf=a1; Expires=Wed, 21 Oct 2099 07:28:00 GMT; Path=/',
  'theme=dark; Max-Age=60',
  'last="x, y"; HttpOnly',
];

/** `session=ok`: alice, and as her name what was asked. `session=deny`: 403. Else 401: with the way to the login, or below /basic with a challenge. */
function authenticate(request: IncomingMessage, response: ServerResponse): void {
  const { headers, url = '' } = request;
  const cookie = headers.cookie ?? '';
  if (headers['content-length'] !== undefined && headers['content-length'] !== '0') {
    response.writeHead(500).end();
  } else if (cookie.includes('session=ok')) {
    response.writeHead(200, {
      'remote-user': 'alice',
      'remote-groups': 'staff,ops',
      'remote-name': `${headers.host} ${url}`,
      'set-cookie': [...AUTH_COOKIES],
    });
    response.end();
  } else if (cookie.includes('session=deny')) {
    response.writeHead(403).end();
  } else if (url.startsWith('/basic')) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="lab"' }).end();
  } else {
    const back = encodeURIComponent(String(headers['x-original-url']));
    response.writeHead(401, { location: `https://login.example/?rd=${back}` }).end();
  }
}

async function main(ports: UpstreamPorts): Promise<void> {
  const pair = { cert: readFileSync(ports.certificate), key: readFileSync(ports.key) };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response);
  for (const port of ports.http) {
    createServer(onRequest).on('upgrade', upgrade).listen(port, '127.0.0.1');
  }
  createSecureServer(pair, onRequest).listen(ports.https, '127.0.0.1');
  createServer(authenticate).listen(ports.auth, '127.0.0.1');
  const credentials = [
    [ports.grpc, ServerCredentials.createInsecure()],
    [
      ports.grpcs,
      ServerCredentials.createSsl(null, [{ cert_chain: pair.cert, private_key: pair.key }]),
    ],
  ] as const;
  for (const [port, credential] of credentials) {
    const server = new Server();
    server.addService(ECHO_SERVICE, {
      say: (call: { request: string }, done: (error: null, text: string) => void) =>
        done(null, `${port}: ${call.request}`),
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credential, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
  console.log('ready');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? ''));
}
