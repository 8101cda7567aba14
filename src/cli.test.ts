import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('cli.js', import.meta.url));

test('the command line: what cannot be printed is told in one line', (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'man-page'], {
    encoding: 'utf8',
    stdio: ['ignore', full, 'pipe'],
  });
  assert.equal(stderr, 'portcullis: cannot write to standard output: no space left (ENOSPC)\n');
  assert.equal(status, 1);
});

for (const [args, message] of [
  [['init', '--undo', '--enable'], "'--enable' cannot be used with option '--undo'"],
  [['init', '--enable', '--no-units'], "'--enable' cannot be used with option '--no-units'"],
] as const) {
  test(`the command line: ${args.join(' ')} is wrong usage`, () => {
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
    assert.ok(stderr.includes(message), stderr);
    assert.equal(status, 2);
  });
}
