import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemdWord, watchUnit } from './watch-unit.ts';

const lineOf = (unit: string, key: string): string =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

test('watchUnit(): writable is what it was told and what Nginx writes, each once', () => {
  const unit = watchUnit({
    command: ['/usr/bin/portcullis'],
    writes: ['/etc/nginx/portcullis', '/var/log/nginx', '/var/lib/portcullis/acme', '/srv/log'],
  });
  assert.equal(
    lineOf(unit, 'ReadWritePaths'),
    '-/etc/nginx/portcullis -/run -/srv/log -/var/cache/nginx -/var/lib/nginx -/var/lib/portcullis -/var/log/nginx',
  );
  assert.equal(lineOf(unit, 'ExecStart'), '/usr/bin/portcullis watch');
});

for (const [text, word] of [
  ['/usr/bin/node', '/usr/bin/node'],
  ['/opt/my node', '"/opt/my node"'],
  ['100%', '100%%'],
  ['$HOME', '$$HOME'],
  ['a"b\\c', '"a\\"b\\\\c"'],
] as const) {
  test(`systemdWord(): ${text}`, () => assert.equal(systemdWord(text), word));
}
