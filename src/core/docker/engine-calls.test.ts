import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineCallOf } from './engine-calls.ts';

for (const [method, path, call] of [
  ['GET', '/containers/json', '/containers/json'],
  ['GET', '/containers/json?all=1', '/containers/json'],
  ['GET', '/containers/web_1.x-y/json', '/containers/<id>/json'],
  ['POST', '/containers/json', undefined],
  ['DELETE', '/containers/web', undefined],
  ['GET', '/containers/web/logs', undefined],
  ['GET', '/containers/a/b/json', undefined],
  ['GET', '/containers/%2e%2e/json', undefined],
  ['GET', '/v1.41/info', undefined],
  ['POST', '/containers/create', undefined],
] as const) {
  test(`engine calls: ${method} ${path} is ${call ?? 'none of ours'}`, () => {
    assert.equal(engineCallOf(method, path)?.path, call);
  });
}
