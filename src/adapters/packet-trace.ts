/** Follows one packet through every rule of nft: marked by a table of our own that lets nothing in. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors.ts';
import type { Run } from './run.ts';

export const TRACE_TABLE = 'inet portcullis_trace';

/** nft needs a moment to listen, and to tell the last of what it heard. */
const SETTLE_MS = 300;

/** Packets that are traced: first ones of a connection to a port, by one interface. */
export type Traced = {
  readonly link: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
};

/**
 * Runs `act` while packets are traced; gives what nft told of them. The table is
 * taken away again; one that a kill left marks packets of an interface that is gone, and no others.
 *
 * @throws {PortcullisError} `probe-impossible`
 */
export async function tracing(
  run: Run,
  { link, protocol, port }: Traced,
  act: () => Promise<unknown>,
): Promise<string> {
  const table = [
    `table ${TRACE_TABLE}`,
    `delete table ${TRACE_TABLE}`,
    `table ${TRACE_TABLE} {`,
    'chain early { type filter hook prerouting priority -400; policy accept;',
    `iifname "${link}" ${protocol} dport ${port} meta nftrace set 1`,
    '}',
    '}',
    '',
  ].join('\n');
  const loaded = await run('nft', ['-f', '-'], { stdin: table });
  if (loaded.code !== 0) {
    throw new PortcullisError('probe-impossible', `nft cannot trace here: ${loaded.stderr.trim()}`);
  }
  const monitor = spawn('nft', ['monitor', 'trace'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let told = '';
  monitor.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  const ended = once(monitor, 'close');
  try {
    await delay(SETTLE_MS);
    await act();
    await delay(SETTLE_MS);
  } finally {
    monitor.kill('SIGKILL');
    await ended.catch(() => {}); // it never started
    await run('nft', ['delete', 'table', ...TRACE_TABLE.split(' ')]);
  }
  return told;
}
