/** A manager tells the nodes of its Swarm which services there are. */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { nodeOf, type NodeCertificate } from '../core/swarm/node-certificate.ts';
import type { Log } from './log.ts';
import { PendingConnections } from './pending-connections.ts';
import type { SwarmIdentity } from './swarm-identity.ts';

const HANDSHAKE_MS = 5_000;
/** A node that knows all is answered after this. */
export const HOLD_MS = 5_000;
const RELISTEN_MS = 2_000;
const MOST_OF_ONE_NODE = 4;

export const LIST_PATH = '/v1/services';

export type ServiceFeed = {
  /** False while this manager itself does not know: then another one is to be asked. */
  readonly known: () => boolean;
  readonly version: () => string;
  /** JSON of what came after that version. */
  readonly since: (version: string | undefined) => string;
  /** Ends at the next change, after `ms`, or with the signal. */
  readonly changed: (ms: number, signal: AbortSignal) => Promise<void>;
};

export type SwarmServer = {
  /** Takes in a renewed certificate. */
  renew(identity: SwarmIdentity): void;
  close(): void;
};

/**
 * Serves `GET /v1/services?known=<version>` to whoever has a certificate of the same Swarm. A port that
 * is in use is tried again.
 */
export function serveServices(
  port: number,
  identity: SwarmIdentity,
  { feed, log }: { feed: ServiceFeed; log: Log },
): SwarmServer {
  const ended = new AbortController();
  const pending = new PendingConnections();
  const ofNode = new Map<string, TLSSocket[]>();
  const answers = new Map<string, Promise<Buffer>>();
  let cluster = identity.cluster;

  const server: Server = createServer(
    {
      ...tlsOf(identity),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: HANDSHAKE_MS,
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 8_192,
    },
    (asked, response) => {
      void answer(asked, response).catch((error: unknown) => {
        log.debug('swarm-answer-failed', { reason: String(error) });
        response.destroy();
      });
    },
  );
  server.on('connection', (socket) => {
    if (socket instanceof Socket) pending.add(socket);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    pending.admit(socket);
    const node = nodeBehind(socket);
    if (node?.cluster !== cluster) {
      socket.destroy();
      return;
    }
    const mine = [...(ofNode.get(node.nodeId) ?? []), socket];
    while (mine.length > MOST_OF_ONE_NODE) mine.shift()?.destroy();
    ofNode.set(node.nodeId, mine);
    socket.once('close', () => {
      const left = (ofNode.get(node.nodeId) ?? []).filter((each) => each !== socket);
      if (left.length > 0) ofNode.set(node.nodeId, left);
      else ofNode.delete(node.nodeId);
    });
  });
  server.on('tlsClientError', (error) =>
    log.debug('swarm-connection-refused', { reason: error.message }),
  );

  /** A thousand nodes ask for the same: it is packed once. */
  const packed = (known: string | undefined): Promise<Buffer> => {
    const key = `${known} ${feed.version()}`;
    const before = answers.get(key);
    if (before) return before;
    const made = promisify(gzip)(feed.since(known));
    answers.set(key, made);
    for (const old of answers.keys()) {
      if (answers.size <= 8) break;
      answers.delete(old);
    }
    return made;
  };

  const answer = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const end = (code: number): void => void response.writeHead(code).end();
    const url = new URL(asked.url ?? '/', 'https://swarm-manager');
    if (asked.method !== 'GET') return end(405);
    if (url.pathname !== LIST_PATH) return end(404);
    const known = url.searchParams.get('known') ?? undefined;
    const left = new AbortController();
    response.once('close', () => left.abort());
    const signal = AbortSignal.any([left.signal, ended.signal]);
    if (feed.known() && known === feed.version()) await feed.changed(HOLD_MS, signal);
    if (signal.aborted) return response.destroy() && undefined;
    if (!feed.known()) return end(503);
    if (known === feed.version()) return end(204);
    const body = await packed(known);
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(body);
  };

  let told = false;
  const listen = (): void => {
    if (!ended.signal.aborted) server.listen({ port });
  };
  server.on('listening', () => {
    log.info('swarm-served', { port });
    told = false;
  });
  server.on('error', (error) => {
    if (!told) log.error('swarm-not-served', { port, reason: error.message, retried: true });
    told = true;
    setTimeout(listen, RELISTEN_MS).unref();
  });
  listen();

  return {
    renew(renewed) {
      cluster = renewed.cluster;
      server.setSecureContext(tlsOf(renewed));
    },
    close() {
      ended.abort();
      server.close();
      server.closeAllConnections();
    },
  };
}

const tlsOf = ({ cert, key, ca }: SwarmIdentity): Pick<SwarmIdentity, 'cert' | 'key' | 'ca'> => ({
  cert,
  key,
  ca,
});

function nodeBehind(socket: TLSSocket): NodeCertificate | undefined {
  const { subject } = socket.getPeerCertificate();
  return subject === undefined ? undefined : nodeOf({ ...subject });
}
