/**
 * Stands in for wollomatic/socket-proxy: obeys the same variables. (Its README: a pattern holds from the
 * first character of the path to the last, and a method without a pattern is refused.)
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';

const { SP_SOCKETPATH = '/var/run/docker.sock', SP_PROXYSOCKETENDPOINT = '' } = process.env;

createServer((asked, answer) => {
  const [path = ''] = (asked.url ?? '').split('?');
  const pattern = process.env[`SP_ALLOW_${asked.method}`];
  if (pattern === undefined || !new RegExp(`^(?:${pattern})$`).test(path)) {
    console.log('blocked', asked.method, path);
    answer.writeHead(pattern === undefined ? 405 : 403).end();
    return;
  }
  const onward = request(
    { socketPath: SP_SOCKETPATH, path: asked.url, method: asked.method, headers: asked.headers },
    (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
    },
  );
  onward.on('error', () => answer.destroy());
  answer.on('close', () => onward.destroy());
  asked.pipe(onward);
}).listen(prepared(SP_PROXYSOCKETENDPOINT), () => chmodSync(SP_PROXYSOCKETENDPOINT, 0o600));

process.once('SIGTERM', () => process.exit(0));

function prepared(path: string): string {
  rmSync(path, { force: true });
  return path;
}
