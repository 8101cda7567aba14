import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNameService } from './name-service.ts';

const hostsCases: readonly (readonly [
  title: string,
  text: string,
  Readonly<Record<string, readonly string[]>>,
])[] = [
  [
    'names, in lower case, with all their addresses',
    '127.0.0.1 localhost LAN.example\n::1\tlocalhost ip6-localhost\r\n',
    {
      localhost: ['127.0.0.1', '[::1]'],
      'lan.example': ['127.0.0.1'],
      'ip6-localhost': ['[::1]'],
    },
  ],
  ['an address twice', '192.0.2.1 a\n192.0.2.1 a', { a: ['192.0.2.1'] }],
  ['comments', '# 192.0.2.1 a\n192.0.2.2 b # c\n\n', { b: ['192.0.2.2'] }],
  ['what is no address', '10.1 a\nfe80::1%eth0 b\n127.0.0.1;} c', {}],
];
for (const [title, text, expected] of hostsCases) {
  test(`readNameService(): /etc/hosts: ${title}`, () => {
    assert.deepEqual(Object.fromEntries(readNameService(text, '').hosts), expected);
  });
}

const resolvCases: readonly (readonly [title: string, text: string, readonly string[]])[] = [
  [
    'nameservers of both families',
    'search example\nnameserver 127.0.0.53\nnameserver 2001:db8::53\noptions edns0',
    ['127.0.0.53', '[2001:db8::53]'],
  ],
  [
    'the first three',
    ['1', '2', '3', '4'].map((n) => `nameserver 192.0.2.${n}`).join('\n'),
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
  ],
  [
    'comments',
    '; nameserver 192.0.2.1\n#nameserver 192.0.2.1\nnameserver 192.0.2.2 # x',
    ['192.0.2.2'],
  ],
  ['what Nginx cannot ask', 'nameserver fe80::1%eth0\nnameserver a.example\nnameserver', []],
];
for (const [title, text, expected] of resolvCases) {
  test(`readNameService(): /etc/resolv.conf: ${title}`, () => {
    assert.deepEqual(readNameService('', text).nameservers, expected);
  });
}
