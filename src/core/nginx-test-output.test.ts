import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflictingNames, parseTestOutput } from './nginx-test-output.ts';

const failures: readonly [title: string, stderr: string, expected: object][] = [
  [
    'before Nginx has a log',
    'nginx: [emerg] unknown directive "x" in /etc/nginx/a.conf:12\nnginx: configuration file /etc/nginx/nginx.conf test failed\n',
    { reason: 'unknown directive "x"', file: '/etc/nginx/a.conf', line: 12 },
  ],
  [
    'with its log on stderr',
    '2030/01/31 12:00:00 [emerg] 12#12: host not found in upstream "a" in /a:1\n',
    { reason: 'host not found in upstream "a"', file: '/a', line: 1 },
  ],
  [
    'without a place',
    'nginx: [emerg] open() "/x.pid" failed (2: No such file or directory)\n',
    { reason: 'open() "/x.pid" failed (2: No such file or directory)' },
  ],
  [
    'what ended it, not what came before',
    'nginx: [warn] w in /a:1\nnginx: [alert] could not open error log file\nnginx: [emerg] e in /b c:2\n',
    { reason: 'e', file: '/b c', line: 2 },
  ],
  ['without a word', '', { reason: 'nginx -t ended with exit code 1' }],
];

for (const [title, stderr, expected] of failures) {
  test(`parseTestOutput(): refused ${title}`, () => {
    const result = { ok: false, output: stderr.trim(), ...expected };
    assert.deepEqual(parseTestOutput(1, stderr), result);
  });
}

test('parseTestOutput(): warnings, each once', () => {
  const text = 'conflicting server name "a.example" on 0.0.0.0:80, ignored';
  const result = parseTestOutput(
    0,
    `nginx: [warn] ${text}\n2030/01/31 12:00:00 [warn] 1#1: ${text}\n`,
  );
  assert.deepEqual(result, { ok: true, warnings: [text] });
  assert.deepEqual(conflictingNames([text, text, 'other']), ['a.example']);
});
