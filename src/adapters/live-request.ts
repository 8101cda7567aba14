import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestTls, type RequestOptions as TlsOptions } from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Connect, Live, Scheme } from '../core/explain/explain-text.ts';
import { codeOf } from './atomic-file.ts';
import { toOwnNginx, type OwnListen } from './nginx-confirm.ts';

const WAIT_MS = 3_000;
const STAYS_MS = 200;

/** One GET of `/` through an Nginx of this host, for `host`. Never rejects. */
export const askNginx = (
  host: string,
  { scheme, ...at }: OwnListen & { readonly scheme: Scheme },
): Promise<Live> =>
  new Promise((resolve) => {
    const plain = { ...toOwnNginx(at), headers: { host }, timeout: WAIT_MS };
    const took = (response: IncomingMessage): void => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
      asked.destroy();
    };
    const asked = scheme === 'http' ? request(plain, took) : requestTls(overTls(plain, host), took);
    asked.once('timeout', () => {
      resolve({ failed: 'silent' });
      asked.destroy();
    });
    asked.on('error', (error) =>
      resolve({ failed: codeOf(error) === 'ECONNREFUSED' ? 'refused' : 'closed' }),
    );
    asked.end();
  });

/** The same request over TLS. Whether a client trusts the certificate is not the question here. */
function overTls(plain: RequestOptions, host: string): TlsOptions {
  const tls = { servername: host, rejectUnauthorized: false };
  const { createConnection } = plain;
  if (!createConnection) return { ...plain, ...tls };
  return {
    ...plain,
    createConnection(options, done) {
      const socket = createConnection(options, done);
      return socket && connectTls({ ...tls, socket });
    },
  };
}

/** @param address `127.0.0.1:80`, `[::1]:80` */
export const tryConnect = (address: string): Promise<Connect> =>
  new Promise((resolve) => {
    const at = address.lastIndexOf(':');
    const host = address.slice(0, at).replaceAll(/[[\]]/g, '');
    const socket = connect({ host, port: Number(address.slice(at + 1)), timeout: WAIT_MS });
    socket.resume();
    const end = (met: Connect): void => {
      socket.destroy();
      resolve(met);
    };
    // Docker's proxy takes every connection, and ends it where the container takes none.
    socket.once('connect', () => setTimeout(() => end('connected'), STAYS_MS));
    socket.once('end', () => end('ended'));
    socket.once('timeout', () => end('silent'));
    socket.once('error', (error) => end(codeOf(error) === 'ECONNRESET' ? 'ended' : 'refused'));
  });
