/**
 * The lab has no way to the internet. A build there reaches Debian's archive through this proxy, and that
 * only: it listens in the lab, asks from the machine, and fetches nothing but plain HTTP, as apt does.
 */
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import type { Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

const PORT = 3142;

/** Listens in the lab and hands on to a socket that both sides see. */
const HAND_ON = `
const net = require('node:net');
net.createServer((near) => {
  const far = net.connect(process.argv[1]);
  near.pipe(far).pipe(near);
  for (const each of [near, far]) each.on('error', () => { near.destroy(); far.destroy(); });
}).listen(${PORT}, '127.0.0.1', () => console.log('ready'));`;

/** Gives what `http_proxy` must say in the lab. */
export async function openOutlet(lab: Lab): Promise<string> {
  const socketPath = join(lab.folder, 'outlet.sock');
  const server = createServer((asked, answer) => {
    const url = asked.url ?? '';
    if (!URL.canParse(url)) {
      answer.writeHead(400).end();
      return;
    }
    const { host: _, 'proxy-connection': __, ...headers } = asked.headers;
    const onward = request(url, { method: asked.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    onward.end();
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  lab.cleanup.add('the outlet', () => {
    server.close();
    server.closeAllConnections();
  });
  const handing = lab.host.start([process.execPath, '-e', HAND_ON, socketPath]);
  lab.cleanup.add('the outlet in the lab', () => handing.stop('SIGKILL'));
  await waitUntil('the outlet listens', () => {
    if (handing.child.exitCode !== null) throw new Error(handing.output());
    return handing.output().includes('ready');
  });
  return `http://127.0.0.1:${PORT}`;
}
