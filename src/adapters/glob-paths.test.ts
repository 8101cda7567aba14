import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigFiles } from './config-files.ts';
import { globPaths, matchesGlob } from './glob-paths.ts';

const there = [
  '/etc/n/b.conf',
  '/etc/n/a.conf',
  '/etc/n/B.conf',
  '/etc/n/.c.conf',
  '/etc/n/a.conf.bak',
].concat(['/etc/n/sub/x', '/etc/n/sub2/x', '/etc/n/sub3/y', '/etc/n/10.conf', '/etc/n/9.conf']);
const source: Pick<ConfigFiles, 'list' | 'stamp'> = {
  list: async (folder) => [
    ...new Set(
      there
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''),
    ),
  ],
  stamp: async (path) => (there.includes(path) ? 'there' : ''),
};

const cases: readonly [pattern: string, expected: readonly string[]][] = [
  ['/etc/n/*.conf', ['10.conf', '9.conf', 'B.conf', 'a.conf', 'b.conf']],
  ['/etc/n/[ab].conf', ['a.conf', 'b.conf']],
  ['/etc/n/[!ab].conf', ['9.conf', 'B.conf']],
  ['/etc/n/[0-9]*.conf', ['10.conf', '9.conf']],
  ['/etc/n/?.conf', ['9.conf', 'B.conf', 'a.conf', 'b.conf']],
  ['/etc/n/.*', ['.c.conf']],
  ['/etc/n/sub*/x', ['sub/x', 'sub2/x']],
  ['/etc/none/*.conf', []],
  ['/etc/n/none', ['none']],
];

for (const [pattern, expected] of cases) {
  test(`globPaths(): ${pattern}`, async () => {
    const paths = await globPaths(pattern, { source });
    assert.deepEqual(
      paths,
      expected.map((name) => `/etc/n/${name}`),
    );
  });
}

test('globPaths(): tells the folders whose change could change the answer', async () => {
  const seen: string[] = [];
  await globPaths('/etc/n/sub*/*', { source, seen: (folder) => seen.push(folder) });
  assert.deepEqual(seen, ['/etc/n', '/etc/n/sub', '/etc/n/sub2', '/etc/n/sub3']);
});

test('matchesGlob(): a path that need not be there', () => {
  for (const pattern of [
    '/p/*.conf',
    '/p/portcullis.con[f]',
    '/*/portcullis.conf',
    '/p/?ortcullis.conf',
  ]) {
    assert.ok(matchesGlob(pattern, '/p/portcullis.conf'), pattern);
  }
  for (const pattern of ['/p/*', '/*.conf', '/p/*/portcullis.conf', '/p/*.cfg']) {
    assert.ok(!matchesGlob(pattern, '/p/.portcullis.conf'), pattern);
  }
});
