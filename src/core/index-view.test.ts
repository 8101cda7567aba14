import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexView } from './index-view.ts';
import { PLAIN, type Site } from './routes-model.ts';

const site = (address: string, index: number): Site => {
  const host = `s${index}.example`;
  const servers = [{ address, container: `web-${index}`, id: '' }];
  return {
    ...{ host, owner: '', redirectFrom: [] },
    routes: [{ host, path: '/', owner: '', access: PLAIN, servers }],
  };
};

const CASES: readonly [title: string, addresses: string[], named: [string, string][]][] = [
  [
    'each address and its container',
    ['127.0.0.1:80', '[::1]:80'],
    [
      ['127.0.0.1:80', 'web-0'],
      ['[::1]:80', 'web-1'],
    ],
  ],
  [
    'none that is longer than Nginx takes as a key',
    [
      '[2001:db80:1111:2222:3333:4444:5555:6666]:1234',
      '[2001:db80:1111:2222:3333:4444:5555:6666]:12345',
    ],
    [['[2001:db80:1111:2222:3333:4444:5555:6666]:1234', 'web-0']],
  ],
  [
    'one of two that are alike for Nginx',
    ['[2001:DB8::1]:80', '[2001:db8::1]:80'],
    [['[2001:db8::1]:80', 'web-1']],
  ],
];

const namesFor = (sites: readonly Site[]): readonly (readonly [string, string])[] | undefined =>
  indexView(
    sites,
    { id: '', includes: [] },
    {
      listen: {
        ...{ port: 80, ipv6: true, authDir: '/a' },
        accessLog: { path: '/l', format: 'text' },
      },
      userDirectives: new Set(),
      userDefaults: new Map(),
    },
  ).accessLog?.containers;

for (const [title, addresses, named] of CASES) {
  test(`indexView(): for the access log ${title}`, () => {
    assert.deepEqual(namesFor(addresses.map(site)), named);
  });
}

test('indexView(): for the access log as much of a name as is short for Nginx', () => {
  const { routes, ...one } = site('127.0.0.1:80', 0);
  const servers = [{ address: '127.0.0.1:80', container: 'n'.repeat(5_000), id: '' }];
  assert.deepEqual(namesFor([{ ...one, routes: routes.map((route) => ({ ...route, servers })) }]), [
    ['127.0.0.1:80', 'n'.repeat(255)],
  ]);
});
