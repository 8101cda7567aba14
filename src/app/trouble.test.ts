import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PortcullisError } from '../errors.ts';
import { troubleOf } from './trouble.ts';

test('troubleOf(): a failure of ours is itself', () => {
  const error = new PortcullisError('docker-unreachable', 'away');
  assert.equal(troubleOf(error), error);
});

test('troubleOf(): a failure of the system keeps its words', () => {
  let thrown: unknown;
  try {
    readFileSync('/nonexistent');
  } catch (error) {
    thrown = error;
  }
  const { code, message } = troubleOf(thrown);
  assert.deepEqual([code, message.slice(0, 7)], ['system', 'ENOENT:']);
  const full = Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' });
  assert.match(troubleOf(full).message, /^EMFILE: too many open files .*LimitNOFILE/);
});

test('troubleOf(): a bug is thrown on', () => {
  assert.throws(() => troubleOf(new TypeError('x is not a function')), TypeError);
  assert.throws(
    () => troubleOf(undefined),
    (thrown) => thrown === undefined,
  );
});
