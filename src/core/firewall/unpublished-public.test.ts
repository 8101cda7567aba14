import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerAccess } from '../container-access.ts';
import { container, port } from '../testing/container.ts';
import { unpublishedPublic } from './grants.ts';

type Given = Parameters<typeof container>[1];

const CASES: readonly [title: string, given: Given, wanted: string, reasons: readonly string[]][] =
  [
    ['the port that is published', { ports: ['25:2525'] }, '25/tcp', []],
    ['no label', { ports: ['25:2525'] }, 'false', []],
    [
      'another one',
      { ports: ['25:2525'] },
      '26/tcp',
      [
        'names 26/tcp, which the container does not publish (it publishes 25/tcp); name a published host port',
      ],
    ],
    [
      "the container's port in place of the host's",
      { ports: ['25:2525'] },
      '2525/tcp',
      [
        'names 2525/tcp, which the container does not publish (it publishes 25/tcp); name a published host port',
      ],
    ],
    [
      'the other protocol',
      { ports: ['53:53/udp'] },
      '53/tcp',
      [
        'names 53/tcp, which the container does not publish (it publishes 53/udp); name a published host port',
      ],
    ],
    [
      'on loopback only',
      { ports: ['127.0.0.1:25:25'] },
      '25/tcp',
      [
        'names 25/tcp, which is published on loopback only, so nothing outside can reach it; publish it without 127.0.0.1',
      ],
    ],
    [
      'all of nothing',
      {},
      'true',
      ['has no effect: the container publishes no port; publish one with -p'],
    ],
    ['a host port that Docker is still to choose', { portBindings: [port('0:80')] }, '80/tcp', []],
    ['the host network', { networkMode: 'host' }, '25/tcp', []],
    ['the network of another container', { networkMode: 'container:x' }, '25/tcp', []],
  ];

for (const [title, given, wanted, reasons] of CASES) {
  test(`unpublishedPublic(): ${title}`, () => {
    const asking = container('mail', { ...given, labels: { 'portcullis.public': wanted } });
    const problems = unpublishedPublic(asking, containerAccess(asking, 'portcullis'), 'portcullis');
    assert.deepEqual(
      problems,
      reasons.map((reason) => ({
        ...{ container: 'mail', label: 'portcullis.public', reason, served: true },
      })),
    );
  });
}
