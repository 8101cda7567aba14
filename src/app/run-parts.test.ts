import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../adapters/log.ts';
import { runParts } from './run-parts.ts';
import { pause } from './wait.ts';

function logging() {
  const lines: string[] = [];
  const say = (message: string, fields?: object): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = { error: say, warn: say, info: say, debug: say };
  return { log, lines };
}
const never = new AbortController().signal;
const FOR_EVER = 2 ** 30;

test('runParts(): the first part that fails ends all others, and is named', async () => {
  const { log, lines } = logging();
  let ended = false;
  const parts = {
    docker: async () => {
      throw new TypeError('x is undefined');
    },
    sites: async (signal: AbortSignal) => {
      await pause(FOR_EVER, signal);
      ended = true;
    },
  };
  await assert.rejects(runParts(parts, { signal: never, log }), {
    code: 'watch-failed',
    message: /^the part "docker" of watch failed \(x is undefined\)/,
  });
  assert.equal(ended, true);
  assert.match(lines.join(), /^part-failed .*"part":"docker".*run-parts\.test/);
});

test('runParts(): a part that does not heed its signal is not waited for without end', async () => {
  const { log } = logging();
  const deaf = new AbortController();
  const parts = {
    firewall: () => pause(FOR_EVER, deaf.signal),
    docker: async () => {
      throw new Error('gone');
    },
  };
  await assert.rejects(runParts(parts, { signal: never, log, limitMs: 10 }), /"docker".*gone/);
  deaf.abort();
});

test('runParts(): a part that has done its work ends nothing; the signal ends all', async () => {
  const { log, lines } = logging();
  const stop = new AbortController();
  const order: string[] = [];
  const parts = {
    opening: async () => void order.push('opened'),
    sites: async (signal: AbortSignal) => {
      await pause(FOR_EVER, signal);
      order.push('ended');
    },
  };
  const running = runParts(parts, { signal: stop.signal, log });
  await pause(20, never);
  assert.deepEqual(order, ['opened']);
  stop.abort();
  await running;
  assert.deepEqual([order, lines], [['opened', 'ended'], []]);
});
