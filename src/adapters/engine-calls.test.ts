/** What is said elsewhere about the calls of the Engine API is what src/core/docker/engine-calls.ts says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ENGINE_CALLS, type EngineCall } from '../core/docker/engine-calls.ts';
import { packageRoot } from './package-root.ts';

const textOf = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8');
const named = (calls: readonly EngineCall[]): readonly string[] =>
  calls.map(({ method, path }) => `${method} ${path}`).toSorted();
const always = ENGINE_CALLS.filter(({ nginxInContainer }) => !nginxInContainer);
const sometimes = ENGINE_CALLS.filter(({ nginxInContainer }) => nginxInContainer);

test('SECURITY.md lists exactly the calls that are made, and when', () => {
  const [, section = ''] = textOf('SECURITY.md').split('## Engine API calls\n');
  const items = section.split(/^- /m).slice(1);
  const calls = items.map((item) =>
    [...item.matchAll(/`((?:GET|POST) \/[^`]+)`/g)].map(([, call = '']) => call).toSorted(),
  );
  assert.deepEqual(calls, [named(always), named(sometimes)]);
});

test('compose.socket-proxy.yaml lets through exactly the calls that are always made', () => {
  const [, pattern = ''] = /SP_ALLOW_GET: '(.*)'/.exec(textOf('compose.socket-proxy.yaml')) ?? [];
  const [, paths = ''] = /^\(\/v1\\\.\[0-9\]\+\)\?\/\((.*)\)$/.exec(pattern) ?? [];
  const passed = paths
    .replaceAll('[a-zA-Z0-9_.-]+', '<id>')
    .split('|')
    .map((path) => `GET /${path}`);
  assert.deepEqual(passed.toSorted(), named(always));
  assert.doesNotMatch(textOf('compose.socket-proxy.yaml'), /SP_ALLOW_(?!GET)/);
});
