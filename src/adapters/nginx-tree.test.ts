import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BlockNode } from '../core/block-tree.ts';
import { nginxQuote } from '../core/nginx-quote.ts';
import { readTree } from './nginx-tree.ts';

const name = fc.stringMatching(/^[a-z_]{1,12}$/).filter((text) => !text.endsWith('_by_lua_block'));
/** Any value that nginxQuote() takes. */
const value = fc
  .string({ unit: 'binary', maxLength: 20 })
  .filter((text) => !/[\x00-\x1f\x7f$]/.test(text));
const plain = { noNullPrototype: true };
const { tree } = fc.letrec<{ tree: BlockNode[]; node: BlockNode }>((tie) => ({
  tree: fc.array(tie('node'), { maxLength: 4 }),
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ name, args: fc.array(value, { maxLength: 4 }) }, plain),
    fc.record({ name, args: fc.array(value, { maxLength: 2 }), children: tie('tree') }, plain),
  ),
}));

const print = (nodes: readonly BlockNode[]): string =>
  nodes
    .map(({ name: first, args, children }) => {
      const words = [first, ...args.map(nginxQuote)].join(' ');
      return children ? `${words} { # "{\n${print(children)}}\n` : `${words}; #it's\n`;
    })
    .join('');

test('readTree(): reads back what was written, whatever the values', () => {
  fc.assert(
    fc.property(tree, (nodes) => {
      assert.deepEqual(readTree(print(nodes)), nodes);
    }),
  );
});

test('readTree(): text cut anywhere but between directives is refused', () => {
  const text = 'a "b";c{d "e f" g;}';
  const wholes = new Set([0, 6, text.length]);
  for (let length = 0; length < text.length; length += 1) {
    const read = (): unknown => readTree(text.slice(0, length));
    if (wholes.has(length)) read();
    else assert.throws(read, `${length} characters`);
  }
});

for (const text of ['a x"y;z";', 'a b\\;c;', 'a; }', 'a {', 'a "b"c;', 'a x"{"y;']) {
  test(`readTree(): refuses ${text}`, () => {
    assert.throws(() => readTree(text));
  });
}

test('readTree(): comments change nothing', () => {
  assert.deepEqual(readTree('a b #c;\n d; #e\n#f {\n'), [{ name: 'a', args: ['b', 'd'] }]);
});
