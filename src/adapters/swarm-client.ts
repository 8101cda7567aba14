/** A worker asks a manager's Portcullis which services there are. */
import { Agent, request } from 'node:https';
import { isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ShapeError } from '../core/docker/reader.ts';
import { nodeOf } from '../core/swarm/node-certificate.ts';
import { changesFromJson, type ServiceChanges } from '../core/swarm/service-list.ts';
import { PortcullisError } from '../errors.ts';
import type { SwarmIdentity } from './swarm-identity.ts';
import { HOLD_MS, LIST_PATH } from './swarm-server.ts';
import { withDeadline } from './deadline.ts';

const MAX_PACKED = 64 * 1024 * 1024;
const MAX_BYTES = 256 * 1024 * 1024;
const CONNECT_MS = 3_000;
/** For a whole list, however slow it comes. */
const LIMIT_MS = 30_000;

export type ManagerClient = {
  readonly address: string;
  /**
   * What came after `known`; undefined where nothing did for some seconds.
   *
   * @throws {PortcullisError} `swarm-unavailable`
   */
  ask(known: string | undefined, signal: AbortSignal): Promise<ServiceChanges | undefined>;
  close(): void;
};

/** @param address of the manager, without a port */
export function openManager(
  address: string,
  { port, identity }: { port: number; identity: SwarmIdentity },
): ManagerClient {
  const { cert, key, ca, cluster } = identity;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const shown = `${isIPv6(address) ? `[${address}]` : address}:${port}`;

  const get = (path: string, signal: AbortSignal): Promise<{ code: number; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const options = {
        ...{ host: address, port, path, agent, signal, cert, key, ca },
        minVersion: 'TLSv1.3' as const,
        timeout: HOLD_MS + CONNECT_MS,
        servername: 'swarm-manager',
        // The name says nothing here; that it is a manager of this Swarm does.
        checkServerIdentity: (_name: string, { subject }: { subject: object }) => {
          const node = nodeOf({ ...subject });
          return node?.role === 'manager' && node.cluster === cluster
            ? undefined
            : new Error('it is no manager of this Swarm');
        },
      };
      const asked = request(options, (response) => {
        clearTimeout(connecting);
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_PACKED) response.destroy(new Error('its answer is too large'));
          else chunks.push(chunk);
        });
        response.once('error', reject);
        response.once('aborted', () => reject(new Error('its answer broke off')));
        response.once('end', () =>
          resolve({ code: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
        );
      });
      const connecting = setTimeout(
        () => asked.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`)),
        CONNECT_MS,
      );
      asked.once('socket', (socket) => {
        if (asked.reusedSocket) clearTimeout(connecting);
        socket.once('secureConnect', () => clearTimeout(connecting));
      });
      asked.once('timeout', () => asked.destroy(new Error('it has fallen silent')));
      asked.once('error', (error) => {
        clearTimeout(connecting);
        reject(error);
      });
      asked.end();
    });

  return {
    address,
    async ask(known, signal) {
      const query = known === undefined ? '' : `?known=${encodeURIComponent(known)}`;
      try {
        const { code, body } = await withDeadline(LIMIT_MS, signal, (limited) =>
          get(`${LIST_PATH}${query}`, limited),
        );
        if (code === 204) return undefined;
        if (code !== 200) throw new Error(`it answered HTTP ${code}`);
        const text = await promisify(gunzip)(body, { maxOutputLength: MAX_BYTES });
        return changesFromJson(JSON.parse(text.toString()));
      } catch (cause) {
        if (signal.aborted) throw signal.reason;
        const expected = cause instanceof Error || cause instanceof ShapeError;
        if (!expected) throw cause;
        throw new PortcullisError(
          'swarm-unavailable',
          `the manager at ${shown} does not tell its services: ${reasonOf(cause)}`,
          { cause },
        );
      }
    },
    close: () => agent.destroy(),
  };
}

function reasonOf(cause: Error): string {
  const code = 'code' in cause ? String(cause.code) : '';
  if (code === 'ECONNREFUSED') return 'nothing listens there; is swarm.port the same there?';
  return cause.message;
}
