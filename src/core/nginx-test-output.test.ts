import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTestOutput } from './nginx-test-output.ts';

const EMERG: readonly [title: string, stderr: string][] = [
  [
    'before an error_log is known',
    'nginx: [emerg] unknown directive "x" in /etc/nginx/a.conf:3\nnginx: configuration file /t test failed\n',
  ],
  ['after', '2026/01/31 12:00:00 [emerg] 7#7: unknown directive "x" in /etc/nginx/a.conf:3\n'],
  [
    'behind a warning',
    'nginx: [warn] conflicting server name "a" on 0.0.0.0:80, ignored\nnginx: [emerg] unknown directive "x" in /etc/nginx/a.conf:3\n',
  ],
];

for (const [title, stderr] of EMERG) {
  test(`parseTestOutput(): the reason and its place, ${title}`, () => {
    const expected = {
      ok: false,
      output: stderr.trim(),
      reason: 'unknown directive "x"',
      file: '/etc/nginx/a.conf',
      line: 3,
    };
    assert.deepEqual(parseTestOutput(1, stderr), expected);
  });
}

test('parseTestOutput(): a reason without a place', () => {
  const stderr = 'nginx: [emerg] host not found in upstream "x"';
  assert.deepEqual(parseTestOutput(1, stderr), {
    ok: false,
    output: stderr,
    reason: 'host not found in upstream "x"',
  });
});

test('parseTestOutput(): no words at all', () => {
  assert.deepEqual(parseTestOutput(139, ''), {
    ok: false,
    output: '',
    reason: 'nginx -t ended with exit code 139',
  });
});

test('parseTestOutput(): warnings of a configuration that passes', () => {
  const stderr =
    'nginx: [warn] conflicting server name "a" on 0.0.0.0:80, ignored\nnginx: the configuration file x syntax is ok\n';
  assert.deepEqual(parseTestOutput(0, stderr), {
    ok: true,
    warnings: ['conflicting server name "a" on 0.0.0.0:80, ignored'],
  });
});
