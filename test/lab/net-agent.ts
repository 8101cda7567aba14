/** Runs inside a network namespace: opens ports, knocks on others. One JSON request a line, one answer a line. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { AgentRequest } from './agent.ts';

const WAIT_MS = 400;
const held = new Map<string, Socket>();
const sessions = new Map<string, DatagramSocket>();
const servers = new Map<number, Server>();
let datagrams = 0;

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, request }: { id: number; request: AgentRequest } = JSON.parse(line);
  answer(request).then(
    (value) => process.stdout.write(`${JSON.stringify({ id, value })}\n`),
    (error: unknown) => process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`),
  );
});

function answer(request: AgentRequest): Promise<unknown> {
  switch (request.op) {
    case 'listen':
      return listen(request);
    case 'dial':
      return request.protocol === 'tcp' ? dialTcp(request) : dialUdp(request);
    case 'hold':
      return hold(request);
    case 'close':
      servers.get(request.port)?.close();
      return Promise.resolve('closed');
    case 'alive':
      return alive(request.name);
    case 'flood':
      return flood(request);
    case 'datagrams':
      return Promise.resolve(datagrams);
    default:
      return Promise.reject(new Error('no such request'));
  }
}

type Of<O extends AgentRequest['op']> = Extract<AgentRequest, { op: O }>;

const isIpv6 = (host: string): boolean => host.includes(':');

function listen({ protocol, host, port, says }: Of<'listen'>): Promise<string> {
  return new Promise((resolve, reject) => {
    if (protocol === 'tcp') {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.write(says);
        socket.pipe(socket);
      });
      servers.set(port, server);
      server
        .once('error', reject)
        .listen({ host, port, ipv6Only: false }, () => resolve('listening'));
      return;
    }
    const socket = createSocket({ type: isIpv6(host) ? 'udp6' : 'udp4', ipv6Only: isIpv6(host) });
    socket.once('error', reject);
    socket.on('message', (_data, from) => {
      datagrams++;
      socket.send(says, from.port, from.address);
    });
    socket.bind(port, host, () => resolve('listening'));
  });
}

/** What the other side says first; '' if it says nothing in time. */
function dialTcp({ host, port, from, waitMs = WAIT_MS, orConnected }: Of<'dial'>): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, ...(from && { localAddress: from }) });
    const end = (text: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    let silence = '';
    const timer = setTimeout(() => end(silence), waitMs);
    if (orConnected) socket.once('connect', () => (silence = 'connected'));
    socket.once('data', (data) => end(String(data)));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'refused' : ''),
    );
  });
}

/** `refused` where an ICMP error came back. */
function dialUdp({ host, port, from, waitMs = WAIT_MS, bytes = 1 }: Of<'dial'>): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(isIpv6(host) ? 'udp6' : 'udp4');
    const end = (text: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    const timer = setTimeout(() => end(''), waitMs);
    socket.once('message', (data) => end(String(data)));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'refused' : ''),
    );
    socket.bind(0, from, () => {
      if (/\.255$|::$/.test(host)) {
        // The answer comes from another address than was asked, so nothing is connected.
        if (!isIpv6(host)) socket.setBroadcast(true);
        socket.send('?', port, host);
        return;
      }
      socket.connect(port, host, () => socket.send(Buffer.alloc(bytes, '?')));
    });
  });
}

function hold({ name, protocol, host, port, from }: Of<'hold'>): Promise<string> {
  return new Promise((resolve) => {
    if (protocol === 'udp') {
      const session = createSocket(isIpv6(host) ? 'udp6' : 'udp4');
      session.once('message', (data) => resolve(String(data)));
      session.on('error', () => resolve(''));
      setTimeout(() => resolve(''), WAIT_MS).unref();
      session.bind(0, from, () => session.connect(port, host, () => session.send('?')));
      sessions.set(name, session);
      return;
    }
    const socket = createConnection({ host, port, ...(from && { localAddress: from }) });
    socket.on('error', () => resolve(''));
    socket.once('data', (data) => resolve(String(data)));
    setTimeout(() => resolve(''), WAIT_MS).unref();
    held.set(name, socket);
  });
}

/** Does the held connection still carry bytes there and back? */
function alive(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const session = sessions.get(name);
    if (session !== undefined) {
      const silence = setTimeout(() => resolve(false), WAIT_MS);
      session.once('message', () => {
        clearTimeout(silence);
        resolve(true);
      });
      session.send('?');
      return;
    }
    const socket = held.get(name);
    if (socket === undefined || socket.destroyed) return resolve(false);
    const timer = setTimeout(() => resolve(false), WAIT_MS);
    socket.once('data', () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.write('x');
  });
}

/** One datagram a millisecond; answers how many were sent and how many answers came. */
function flood({ host, port, ms }: Of<'flood'>): Promise<{ sent: number; answers: number }> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    let [sent, answers] = [0, 0];
    socket.on('message', () => answers++).on('error', () => {});
    const started = performance.now();
    const timer = setInterval(() => {
      const due = performance.now() - started;
      for (; sent < Math.min(due, ms); sent++) socket.send('!', port, host);
      if (due < ms) return;
      clearInterval(timer);
      setTimeout(() => {
        socket.close();
        resolve({ sent, answers });
      }, 100);
    }, 1);
  });
}
