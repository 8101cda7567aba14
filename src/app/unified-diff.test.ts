import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unifiedDiff } from './unified-diff.ts';

const headOf = (path: string): readonly string[] =>
  unifiedDiff(new Map([[path, 'a\n']]), new Map([[path, 'b\n']])).split('\n', 2);

test('unifiedDiff(): a file of a generation, live and new', () => {
  assert.deepEqual(headOf('sites/a.conf'), ['--- live/sites/a.conf', '+++ new/sites/a.conf']);
});

test('unifiedDiff(): a file of the host is named by its path', () => {
  assert.deepEqual(headOf('/etc/nginx/nginx.conf'), [
    '--- /etc/nginx/nginx.conf',
    '+++ /etc/nginx/nginx.conf',
  ]);
});
