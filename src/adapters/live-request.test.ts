import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { askNginx } from './live-request.ts';
import { packageRoot } from './package-root.ts';

const PROXY = 'PROXY UNKNOWN\r\n';
const pem = (name: string): Buffer =>
  readFileSync(join(packageRoot(), 'fixtures/certificates', name));

for (const proxyProtocol of [false, true]) {
  test(`askNginx(): a site over HTTPS, by its name, PROXY protocol ${proxyProtocol}`, async (t) => {
    const site = createServer({ cert: pem('shop.crt'), key: pem('shop.key') }, (asked, answer) => {
      assert.ok(asked.socket instanceof TLSSocket && 'servername' in asked.socket);
      const { servername } = asked.socket;
      answer.writeHead(servername === 'a.example' && asked.headers.host === servername ? 418 : 404);
      answer.end();
    });
    const port = createTcpServer((socket) => {
      socket.once('readable', () => {
        if (proxyProtocol) assert.equal(String(socket.read(PROXY.length)), PROXY);
        site.emit('connection', socket);
      });
    }).listen(0, '127.0.0.1');
    t.after(() => port.close());
    await once(port, 'listening');
    const address = port.address();
    assert.ok(typeof address === 'object' && address);
    const at = { scheme: 'https', port: address.port, proxyProtocol } as const;
    assert.deepEqual(await askNginx('a.example', at), { status: 418 });
  });
}
