import { request } from 'node:http';
import { connect } from 'node:net';
import type { Connect, Live } from '../core/explain/explain-text.ts';
import { codeOf } from './atomic-file.ts';
import { toOwnNginx, type OwnListen } from './nginx-confirm.ts';

const WAIT_MS = 3_000;
const STAYS_MS = 200;

/** One GET of `/` through an Nginx of this host, for `host`. Never rejects. */
export const askNginx = (host: string, at: OwnListen): Promise<Live> =>
  new Promise((resolve) => {
    const options = { ...toOwnNginx(at), headers: { host }, timeout: WAIT_MS };
    const asked = request(options, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0 });
      asked.destroy();
    });
    asked.once('timeout', () => {
      resolve({ failed: 'silent' });
      asked.destroy();
    });
    asked.on('error', (error) =>
      resolve({ failed: codeOf(error) === 'ECONNREFUSED' ? 'refused' : 'closed' }),
    );
    asked.end();
  });

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
