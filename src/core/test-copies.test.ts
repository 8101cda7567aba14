import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBlocks, type LinedBlock } from './nginx-blocks.ts';
import { testCopies } from './test-copies.ts';

/** @param matches what each pattern stands for */
function copies(
  files: Readonly<Record<string, string>>,
  matches: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, string>> {
  const includesIn = (nodes: readonly LinedBlock[]): readonly LinedBlock[] =>
    nodes.flatMap((node) => (node.name === 'include' ? [node] : includesIn(node.children ?? [])));
  const includes = Object.entries(files).flatMap(([file, text]) =>
    includesIn(readBlocks(text)).map(({ args: [pattern = ''], start, end }) => ({
      ...{ file, start, end },
      matches: matches[pattern] ?? [pattern],
    })),
  );
  const copied = { configPath: 'main', files: new Map(Object.entries(files)), includes };
  return Object.fromEntries(
    testCopies(
      { ...copied, entries: new Set(['entry', 'link']) },
      { candidatePath: 'candidate', copyPath: (path) => `copy-of-${path}` },
    ),
  );
}

test('testCopies(): only the include that leads to the entry changes', () => {
  const main = 'a; # include entry;\nhttp { include mime; include entry; include mime; }\n';
  assert.deepEqual(copies({ main, mime: '' }, {}), {
    main: 'a; # include entry;\nhttp { include mime; include "candidate"; include mime; }\n',
  });
});

test('testCopies(): a pattern becomes its matches, in their order, and no line moves', () => {
  const main = 'http { include\n  conf.d/*;\n b; }';
  assert.deepEqual(copies({ main, z: '' }, { 'conf.d/*': ['a"b', 'link', 'z'] }), {
    main: 'http { include "a\\"b"; include "candidate"; include "z";\n\n b; }',
  });
});

test('testCopies(): files on the way are copied too, others are not', () => {
  const files = {
    main: 'http { include x; }',
    x: 'include y; include z;',
    y: 'include entry;',
    z: '',
  };
  assert.deepEqual(copies(files, {}), {
    main: 'http { include "copy-of-x"; }',
    x: 'include "copy-of-y"; include z;',
    y: 'include "candidate";',
  });
});

test('testCopies(): without an entry the main configuration stays as it is', () => {
  assert.deepEqual(copies({ main: 'http { include x; }', x: '' }, {}), {
    main: 'http { include x; }',
  });
});
