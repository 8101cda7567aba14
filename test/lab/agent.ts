import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cleanup } from './cleanup.ts';

export type AgentRequest =
  | { op: 'listen'; protocol: 'tcp' | 'udp'; host: string; port: number; says: string }
  | {
      op: 'dial';
      protocol: 'tcp' | 'udp';
      host: string;
      port: number;
      from?: string | undefined;
      /** How long silence is waited for; default 400. */
      waitMs?: number;
      /** Length of the datagram; default 1. */
      bytes?: number;
      /** Answers `connected` where the handshake was done and nothing was said. */
      orConnected?: true;
    }
  | {
      op: 'hold';
      name: string;
      protocol?: 'tcp' | 'udp';
      host: string;
      port: number;
      from?: string | undefined;
    }
  | { op: 'close'; port: number }
  | { op: 'alive'; name: string }
  | { op: 'flood'; host: string; port: number; ms: number }
  | { op: 'datagrams' };

/** A process in a namespace that sends and receives there. */
export type Agent = {
  ask(request: AgentRequest): Promise<unknown>;
  /** What answered: its greeting, `refused`, or '' for silence. */
  dial(protocol: 'tcp' | 'udp', host: string, port: number, from?: string): Promise<string>;
  listen(protocol: 'tcp' | 'udp', host: string, port: number, says: string): Promise<void>;
};

export function startAgent(namespace: string, cleanup: Cleanup): Agent {
  const child = spawn(
    'nsenter',
    [`--net=/run/netns/${namespace}`, process.execPath, join(import.meta.dirname, 'net-agent.js')],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  cleanup.add(`agent in ${namespace}`, () => child.kill('SIGKILL'));
  const waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, value, error }: { id: number; value?: unknown; error?: string } = JSON.parse(line);
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(new Error(`agent in ${namespace}: ${error}`));
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values())
      reject(new Error(`agent in ${namespace} ended with ${code}`));
  });
  let last = 0;
  const ask = (request: AgentRequest): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id: last, request })}\n`);
    });
  return {
    ask,
    async dial(protocol, host, port, from) {
      return String(await ask({ op: 'dial', protocol, host, port, from }));
    },
    async listen(protocol, host, port, says) {
      await ask({ op: 'listen', protocol, host, port, says });
    },
  };
}
