import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSnippet, snippetFor, type Snippets } from './snippet.ts';

const shown = (text: string): readonly string[] | string => {
  const read = readSnippet('/s/a.conf', text);
  return 'broken' in read
    ? read.broken
    : read.lines.map(
        ({ kind, words }) => `${kind}: ${words.map(({ verbatim }) => verbatim).join('|')}`,
      );
};

const CASES: readonly [title: string, text: string, read: readonly string[] | string][] = [
  ['nothing', '# only this\n', []],
  ['a directive', 'add_header X "a $host";', ['directive: add_header|X|a $host']],
  [
    'a block',
    'location / {\n return 204;\n}',
    ['opens: location|/', 'directive: return|204', 'closes: '],
  ],
  ['a block that ends what is around it', 'return 1;\n}\nserver {', '/s/a.conf:2: unexpected "}"'],
  [
    'a block that does not end',
    'location / {',
    '/s/a.conf:1: unexpected end of file, the block of line 1 is not closed',
  ],
  [
    'a directive without its end',
    'return 204',
    '/s/a.conf:1: unexpected end of file, expecting ";" or "}"',
  ],
  [
    'Lua, which has a grammar of its own',
    'location / {\n content_by_lua_block { ngx.say(1) }\n}',
    '/s/a.conf:2: content_by_lua_block cannot be used in a snippet',
  ],
];

for (const [title, text, read] of CASES) {
  test(`readSnippet(): ${title}`, () => assert.deepEqual(shown(text), read));
}

test('snippetFor(): the one of the host, else the default, each kind for itself', () => {
  const snippets: Snippets = new Map(
    ['a.conf', 'default.conf', 'default.location.conf'].map((file) => [file, { file, lines: [] }]),
  );
  const files = (stem: string): readonly (string | undefined)[] => [
    snippetFor(snippets, stem, '.conf')?.file,
    snippetFor(snippets, stem, '.location.conf')?.file,
  ];
  assert.deepEqual(files('a'), ['a.conf', 'default.location.conf']);
  assert.deepEqual(files('b'), ['default.conf', 'default.location.conf']);
});
