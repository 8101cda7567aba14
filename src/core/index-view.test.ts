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

for (const [title, addresses, named] of CASES) {
  test(`indexView(): for the access log ${title}`, () => {
    const { accessLog } = indexView(
      addresses.map(site),
      { id: '', includes: [] },
      {
        listen: {
          ...{ port: 80, ipv6: true, authDir: '/a' },
          accessLog: { path: '/l', format: 'text' },
        },
        userDirectives: new Set(),
        userDefaults: new Map(),
      },
    );
    assert.deepEqual(accessLog?.containers, named);
  });
}
