import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type { Status } from '../core/status.ts';
import { createLog } from './log.ts';
import { askStatus, serveStatus } from './status-server.ts';

const STATUS: Status = {
  version: '1.2.3',
  since: '2026-01-01T00:00:00.000Z',
  docker: { connected: true, version: '28.5.2', flapping: [] },
  nginx: {
    ...{ version: '1.22.1', generation: 'abc', last_reload: null, last_error: null },
    ...{ old_workers: 0, drift: [] },
  },
  firewall: { mode: 'enforce', backend: 'nftables', enforced: true, repairs: 0 },
  routes: { live: 0, rejected: 0, quarantined: 0 },
  events: { seen: 0, reconciles: 0, reloads: 0 },
};
const log = createLog({
  ...{ level: 'error', format: 'json', color: false, now: () => new Date() },
  write: (line) => assert.fail(line),
});
const ending = new AbortController();
let port = 0;

before(async () => {
  port = await freePort();
  serveStatus(
    { listen: `127.0.0.1:${port}`, host: 'status.example' },
    { status: () => STATUS, log, signal: ending.signal },
  );
});
after(() => ending.abort());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function dial(to: number): Promise<Socket> {
  const socket = connect(to, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** What comes back for these bytes, until the other side closes. */
async function say(to: number, bytes: string): Promise<string> {
  const socket = await dial(to);
  let said = '';
  socket.setEncoding('utf8').on('data', (part: string) => (said += part));
  socket.write(bytes);
  await once(socket, 'close');
  return said;
}

for (const [host, code] of [
  ['127.0.0.1', 200],
  ['127.0.0.1:9180', 200],
  ['[::1]:9180', 200],
  ['localhost', 200],
  ['status.example', 200],
  ['evil.example', 403],
  ['evil.example:9180', 403],
  ['127.0.0.1.evil.example', 403],
  ['', 403],
] as const) {
  test(`status: Host "${host}" gets ${code}`, async () => {
    const said = await say(
      port,
      `GET /status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assert.match(said, new RegExp(`^HTTP/1.1 ${code} `));
    assert.equal(said.includes(STATUS.version), code === 200);
  });
}

for (const [title, bytes] of [
  ['say nothing', ''],
  ['never end their headers', 'GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n'],
] as const) {
  test(`status: answers while 64 connections ${title}`, async () => {
    const idle = await Promise.all(Array.from({ length: 64 }, () => dial(port)));
    for (const socket of idle) socket.write(bytes);
    assert.equal((await askStatus(`127.0.0.1:${port}`)).version, STATUS.version);
    for (const socket of idle) socket.destroy();
  });

  test(`status: closes connections that ${title}`, async () => {
    const own = await freePort();
    const impatient = { status: () => STATUS, log, signal: ending.signal, patienceMs: 50 };
    serveStatus({ listen: `127.0.0.1:${own}`, host: '' }, impatient);
    assert.doesNotMatch(await say(own, bytes), /200/);
  });
}
