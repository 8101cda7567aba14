import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composePorts } from './compose-ports.ts';

const cases: readonly [item: unknown, published: readonly string[], exposed: string][] = [
  [
    { mode: 'ingress', target: 80, published: '8080', protocol: 'tcp' },
    ['0.0.0.0:8080', ':::8080'],
    '80/tcp',
  ],
  [{ target: 80, published: 8080, host_ip: '127.0.0.1' }, ['127.0.0.1:8080'], '80/tcp'],
  [{ target: 80, published: '8000-8010', host_ip: '127.0.0.1' }, [], '80/tcp'],
  [{ target: 80, host_ip: '127.0.0.1' }, [], '80/tcp'],
  [{ target: 80, published: '', host_ip: '127.0.0.1' }, [], '80/tcp'],
  [{ target: 80, published: '0', host_ip: '127.0.0.1' }, [], '80/tcp'],
  [{ target: 53, published: '53', protocol: 'udp', host_ip: '::1' }, ['::1:53'], '53/udp'],
  ['80', [], '80/tcp'],
  [80, [], '80/tcp'],
  ['8080:80', ['0.0.0.0:8080', ':::8080'], '80/tcp'],
  ['127.0.0.1:8080:80', ['127.0.0.1:8080'], '80/tcp'],
  ['127.0.0.1::80/udp', [], '80/udp'],
  ['[::1]:8080:80/sctp', ['::1:8080'], '80/sctp'],
  ['127.0.0.1:9000-9001:80-81', ['127.0.0.1:9000', '127.0.0.1:9001'], '80/tcp 81/tcp'],
  ['127.0.0.1:9000-9002:80', [], '80/tcp'],
];
for (const [item, published, exposed] of cases) {
  test(`composePorts(): ${JSON.stringify(item)}`, () => {
    const ports = composePorts(item, 'service web: ports[0]');
    assert.deepEqual(
      ports.published.map((port) => `${port.hostAddress}:${port.hostPort}`),
      published,
    );
    assert.equal(
      ports.exposed.map((port) => `${port.containerPort}/${port.protocol}`).join(' '),
      exposed,
    );
  });
}

for (const item of ['', 'web', '80:', '1:2:3:4', '70000', '90-80', null, { target: 'x' }, {}]) {
  test(`composePorts(): refuses ${JSON.stringify(item)}`, () => {
    assert.throws(() => composePorts(item, 'service web: ports[0]'), {
      name: 'ShapeError',
      message: /^service web: ports\[0\]/,
    });
  });
}
