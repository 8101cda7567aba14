import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nginxQuote } from './nginx-quote.ts';

const CASES: readonly [value: unknown, text: string][] = [
  ['a.example', 'a.example'],
  [80, '80'],
  ['*.a.example', '*.a.example'],
  ['[::]:80', '[::]:80'],
  ['http://portcullis_a.example_0/', 'http://portcullis_a.example_0/'],
  ['', '""'],
  ['a b', '"a b"'],
  ['a.example;}', '"a.example;}"'],
  ['say "no"\\', '"say \\"no\\"\\\\"'],
  ['~^regex', '"~^regex"'],
];

for (const [value, text] of CASES) {
  test(`nginxQuote(): ${JSON.stringify(value)} is written ${text}`, () => {
    assert.equal(nginxQuote(value), text);
  });
}

for (const value of ['$uri', 'a\nb', '\u0000', '\u007f']) {
  test(`nginxQuote(): ${JSON.stringify(value)} cannot be written`, () => {
    assert.throws(() => nginxQuote(value), RangeError);
  });
}
