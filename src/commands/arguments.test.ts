import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedAbout } from './arguments.ts';

const ASKED: readonly [text: string, about: string][] = [
  ['shop.example', 'shop.example'],
  ['8080', '8080'],
  ['8f3a2b1c9d00', '8f3a2b1c9d00'],
  ['https://Shop.example:8443/a/b?c=1', 'shop.example'],
  ['http://[2001:db8::1]/', '[2001:db8::1]'],
  ['http://', 'http://'],
];

for (const [text, about] of ASKED) {
  test(`askedAbout(): ${text} asks about ${about}`, () => assert.equal(askedAbout(text), about));
}
