/**
 * An HTTP server with keep-alive, run in a container: `replica.js <ms>`. It says that it is ready by the file
 * /tmp/ready. At SIGTERM it goes on for that long, then closes its port, answers what it has begun and ends.
 */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

const WORK_MS = 3;

let ending = false;
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const text = `${hostname()}\n`;
    setTimeout(() => {
      response.writeHead(200, {
        'content-length': text.length,
        ...(ending && { connection: 'close' }),
      });
      response.end(text);
    }, WORK_MS);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(80, () => writeFileSync('/tmp/ready', ''));

async function end(): Promise<void> {
  await delay(Number(process.argv[2]));
  ending = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
process.once('SIGTERM', () => void end());
