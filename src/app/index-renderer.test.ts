import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ID } from '../core/generation.ts';
import { indexView } from '../core/index-view.ts';
import { createIndexRenderer } from './index-renderer.ts';

const includes = ['/n/sites/a.example.1.conf', '/n/sites/b.example.2.conf'];
const view = indexView(
  [],
  { id: NO_ID, includes },
  {
    listen: { port: 80, ipv6: true, authDir: '/a' },
    userDirectives: new Set(),
    userDefaults: new Map(),
  },
);

const rendered = (text: string): string => createIndexRenderer(() => text)(view);

test('createIndexRenderer(): an index that includes every site', () => {
  const text = 'include /n/sites/b.example.2.conf;\ninclude /n/sites/a.example.1.conf;\n';
  assert.equal(rendered(text), text);
});

for (const text of ['', 'include /n/sites/a.example.1.conf;\n', '# include x;\n']) {
  test(`createIndexRenderer(): one that leaves a site out is refused: ${JSON.stringify(text)}`, () => {
    assert.throws(() => rendered(text), {
      code: 'template-failed',
      message:
        /^index\.conf\.ejs does not include sites\/[ab]\.example\.[12]\.conf: each site needs/,
    });
  });
}

test('createIndexRenderer(): one that fails is told as a template that fails', () => {
  const render = createIndexRenderer(() => {
    throw new Error('index.conf.ejs:1\nx is not defined');
  });
  assert.throws(() => render(view), {
    code: 'template-failed',
    message: 'index.conf.ejs cannot be rendered',
    detail: 'index.conf.ejs:1\nx is not defined',
  });
});
