import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBlocks, NginxSyntaxError, type LinedBlock } from './nginx-blocks.ts';

const words = ({ name, args, children }: LinedBlock): unknown =>
  children ? [name, ...args, children.map(words)] : [name, ...args];

const readable: readonly [title: string, text: string, expected: readonly unknown[]][] = [
  ['nothing', '', []],
  ['only a comment', '# http {', []],
  ['words and blanks', 'a  b\tc\r\n d;', [['a', 'b', 'c', 'd']]],
  ['a comment between words', 'a b #c;\n d;', [['a', 'b', 'd']]],
  ['# inside a word is no comment', 'a b#c;', [['a', 'b#c']]],
  ['a quote inside a word is an ordinary character', 'a x"y z";', [['a', 'x"y', 'z"']]],
  ['a backslash keeps ; in a word', 'a b\\;c;', [['a', 'b\\;c']]],
  [
    'escapes are the same in and out of quotes',
    String.raw`a "\"\\\n\." \.;`,
    [['a', '"\\\n\\.', '\\.']],
  ],
  ['${…} belongs to the word', 'a ${b}c;', [['a', '${b}c']]],
  [') may follow a quote', 'if ($a ~ "^x") {}', [['if', '($a', '~', '^x', ')', []]]],
  ['} inside a word is an ordinary character', 'a b};', [['a', 'b}']]],
  ['a name may be quoted', 'map $a $b { "" ""; }', [['map', '$a', '$b', [['', '']]]]],
  [
    'Lua is kept as it is',
    'access_by_lua_block { t = {1;} } a;',
    [['access_by_lua_block', ' t = {1;} '], ['a']],
  ],
];

for (const [title, text, expected] of readable) {
  test(`readBlocks(): ${title}`, () => {
    assert.deepEqual(readBlocks(text).map(words), expected);
  });
}

const unreadable: readonly [title: string, text: string, line: number, message: string][] = [
  [
    'a block that is not closed',
    'a {\nb;\n',
    3,
    'unexpected end of file, the block of line 1 is not closed',
  ],
  ['one brace too many', 'a {\n}\n}', 3, 'unexpected "}"'],
  ['no semicolon', 'a b\n', 2, 'unexpected end of file, expecting ";" or "}"'],
  ['no semicolon before }', 'a {\nb }', 2, 'unexpected "}"'],
  ['a quote that is not closed', '\na "b;', 2, 'the quote of line 2 is not closed'],
  ['a word right after a quote', 'a "b"c;', 1, 'unexpected "c"'],
  ['a lone semicolon', 'a;\n;', 2, 'unexpected ";"'],
  [
    '{2} in a bare regex',
    'map $a $b { ~x{2} 1; }',
    1,
    'unexpected end of file, the block of line 1 is not closed',
  ],
];

for (const [title, text, line, message] of unreadable) {
  test(`readBlocks(): refuses ${title}`, () => {
    assert.throws(
      () => readBlocks(text),
      (error) => {
        assert.ok(error instanceof NginxSyntaxError);
        assert.equal(error.line, line);
        assert.equal(error.message, message);
        return true;
      },
    );
  });
}

test('readBlocks(): knows line and offsets of each directive', () => {
  const text = '# one\nhttp { # two\n  include\n    x;\n}\n';
  const [http] = readBlocks(text);
  const [include] = http?.children ?? [];
  assert.equal(http?.line, 2);
  assert.equal(text.slice(http.start, http.end), 'http {');
  assert.equal(include?.line, 3);
  assert.equal(text.slice(include.start, include.end), 'include\n    x;');
});
