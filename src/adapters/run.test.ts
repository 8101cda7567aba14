import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { run } from './run.ts';

/** A process that has ended and waits for its parent counts as ended. */
function hasEnded(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] === 'Z';
  } catch {
    return true;
  }
}

test('run(): after its time the child ends, and so does what it started', async () => {
  const script = 'sleep 600 & echo $!; wait';
  const { timedOut, stdout, code } = await run('sh', ['-c', script], { timeoutMs: 500 });
  assert.deepEqual([timedOut, code], [true, 137]);
  for (let tries = 0; !hasEnded(Number(stdout)); tries++) {
    assert.ok(tries < 500, 'the grandchild still runs');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test(
  'run(): one that left the group and holds the streams is not waited for',
  { timeout: 30_000 },
  async () => {
    const script = 'setsid sleep 600 & echo $!; sleep 600';
    const { stdout } = await run('sh', ['-c', script], { timeoutMs: 500 });
    process.kill(Number(stdout), 'SIGKILL');
  },
);

test('run(): a program that is not there is an error with its code', async () => {
  await assert.rejects(run('/nonexistent/program', []), { code: 'ENOENT' });
});
