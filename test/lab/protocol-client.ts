/**
 * Clients of protocols that curl does not speak, to be run inside a namespace:
 * `node protocol-client.js websocket <address> <host> <text>`, `... grpc <address> <host> <text>`
 * (over TLS, without a check of the certificate). Print the answer.
 */
import { request } from 'node:http';
import { Client, credentials } from '@grpc/grpc-js';
import { ECHO_PATH } from './grpc-echo.ts';

const [kind, address = '', host = '', text = ''] = process.argv.slice(2);
const MASK = Buffer.from([1, 2, 3, 4]);

function websocket(): void {
  const [hostname = '', port = '80'] = address.split(':');
  const headers = {
    ...{ host, connection: 'Upgrade', upgrade: 'websocket' },
    ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'bGFibGFibGFibGFibGFiIQ==' },
  };
  const asked = request({ hostname, port, path: '/socket', headers, timeout: 5_000 });
  asked.on('upgrade', (_response, socket) => {
    const body = Buffer.from(text).map((byte, index) => byte ^ (MASK[index % 4] ?? 0));
    // Nothing is sent for longer than it takes to be cut off by a proxy that takes this for HTTP.
    setTimeout(
      () => socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | body.length]), MASK, body])),
      500,
    );
    socket.on('data', (frame: Buffer) => {
      console.log(frame.subarray(2).toString());
      socket.destroy();
    });
  });
  asked.on('response', ({ statusCode }) => {
    console.log(`no upgrade: ${statusCode}`);
    asked.destroy();
  });
  asked.on('error', ({ message }) => console.log(`failed: ${message}`));
  asked.end();
}

function grpc(): void {
  const client = new Client(
    address,
    credentials.createSsl(null, null, null, {
      checkServerIdentity: () => undefined,
      rejectUnauthorized: false,
    }),
    { 'grpc.ssl_target_name_override': host, 'grpc.default_authority': host },
  );
  client.makeUnaryRequest(
    ECHO_PATH,
    (value: string) => Buffer.from(value),
    (bytes: Buffer) => bytes.toString(),
    text,
    { deadline: Date.now() + 5_000 },
    (error, answer) => {
      console.log(error ? `failed: ${error.code} ${error.details}` : answer);
      client.close();
    },
  );
}

if (kind === 'grpc') grpc();
else websocket();
