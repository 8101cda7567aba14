import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTree } from '../adapters/nginx-tree.ts';
import { createMeantCheck } from '../core/meant-tree.ts';
import { compileTemplates } from '../core/render.ts';

const INDEX = 'x;';
const EMPTY = {
  version: 1,
  listens: [],
  redirectFrom: [],
  tls: undefined,
  acmeDir: undefined,
  redirectTo: '',
  upstreams: [],
  rateZones: [],
  locations: [],
  auths: [],
  template: 'site',
  headers: [],
  realIp: undefined,
  accessLog: undefined,
  snippet: [],
  locationSnippet: [],
  retryAfter: '5',
} as const;
const view = (host: string): { host: string } => ({ host });

function checkOf(template: string): (host: string) => void {
  const templates = compileTemplates({
    site: template,
    index: INDEX,
    quarantined: '',
    maintenance: '',
    others: new Map(),
  });
  const render = ({ host }: { host: string }): string => templates.site({ ...EMPTY, host });
  const check = createMeantCheck({ render, read: readTree });
  return (host) => check(view(host), render(view(host)));
}

const GOOD = 'server {\n    server_name <%= site.host %>;\n}\n';
/** Nginx ignores quotes inside a word, so a value that is no whole argument can end the directive. */
const BAD = 'server {\n    proxy_pass http://<%= site.host %>;\n}\n';

test('createMeantCheck(): a whole argument holds anything', () => {
  const check = checkOf(GOOD);
  for (const host of ['a.example', 'a.example;} server { listen 1', 'a b', '"', "'", '\\', '#'])
    check(host);
});

test('createMeantCheck(): a template that writes half an argument is found out', () => {
  assert.throws(
    () => checkOf(BAD)('up1; } server { listen 1'),
    /not the block tree that was meant|as Nginx does/,
  );
});

test('createMeantCheck(): half an argument is found out also behind a plain value of the same shape', () => {
  const check = checkOf(BAD);
  check('a.example');
  assert.throws(() => check('up1; } server { listen 1'));
});

test('createMeantCheck(): whatever the value, the check passes or the rendering refuses it', () => {
  const check = checkOf(GOOD);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (host) => {
      try {
        check(host);
      } catch (error) {
        assert.ok(error instanceof Error);
        assert.match(error.message, /cannot be an Nginx argument/);
      }
    }),
    { numRuns: 500 },
  );
});

test('createMeantCheck(): shapes are remembered, not without end', () => {
  let stands = 0;
  const render = ({ names }: { readonly names: readonly string[] }): string => {
    if (names.some((word) => word.startsWith('qx'))) stands += 1;
    return `allow ${names.join(' ')};\n`;
  };
  const check = createMeantCheck({ render, read: readTree });
  const standsFor = (length: number): number => {
    const many = { names: Array.from({ length }, () => 'w') };
    const before = stands;
    check(many, render(many));
    return stands - before;
  };
  assert.deepEqual([standsFor(1), standsFor(1)], [1, 0]);
  for (let length = 2; length <= 501; length += 1) standsFor(length);
  assert.equal(standsFor(1), 1, 'forgotten by then');
});
