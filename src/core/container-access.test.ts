import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerAccess } from './container-access.ts';
import type { ContainerAccess } from './firewall/access.ts';
import { container } from './testing/container.ts';

type Expected = Omit<ContainerAccess, 'containerId'> | undefined;
const CLOSED: Expected = { hostNetworkPorts: [], public: undefined };

const CASES: readonly [title: string, labels: Record<string, string>, expected: Expected][] = [
  ['no labels', {}, undefined],
  ['a route only', { enable: 'true' }, CLOSED],
  ['public', { public: 'true' }, { hostNetworkPorts: [], public: { ports: 'all', from: [] } }],
  [
    'public ports from a network',
    { public: '25/tcp', 'public-from': '10.0.0.0/8' },
    {
      hostNetworkPorts: [],
      public: { ports: [{ port: 25, protocol: 'tcp' }], from: ['10.0.0.0/8'] },
    },
  ],
  ['public=false', { public: 'false' }, CLOSED],
  ['a wrong label anywhere closes', { public: 'true', port: '0' }, CLOSED],
  [
    'a wrong source closes, and does not mean everyone',
    { public: 'true', 'public-from': 'all' },
    CLOSED,
  ],
  ['enable=false wins', { public: 'true', enable: 'false' }, CLOSED],
];

for (const [title, labels, expected] of CASES) {
  test(`containerAccess(): ${title}`, () => {
    const own = Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [`portcullis.${key}`, value]),
    );
    const access = containerAccess(container('a', { labels: own }), 'portcullis');
    assert.deepEqual(access, expected && { containerId: 'id-a', ...expected });
  });
}

test('containerAccess(): on the host network the ports that labels name are held', () => {
  const labels = { 'portcullis.port': '9000', 'portcullis.public': '53/udp' };
  assert.deepEqual(containerAccess(container('a', { labels, networkMode: 'host' }), 'portcullis'), {
    containerId: 'id-a',
    hostNetworkPorts: [
      { port: 9000, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
    ],
    public: { ports: [{ port: 53, protocol: 'udp' }], from: [] },
  });
});
