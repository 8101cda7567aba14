import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../model.ts';
import { snapshotFromCompose } from './from-compose.ts';

const stack = (service: object, more: object = {}): object => ({
  name: 'shop',
  services: { web: { image: 'lab/web:1', ...service } },
  ...more,
});
const containers = (service: object): readonly Container[] =>
  snapshotFromCompose(stack(service)).containers;

test('snapshotFromCompose(): a service as the container it would be', () => {
  const file = stack(
    {
      labels: { 'portcullis.port': '80' },
      networks: { default: null },
      ports: [{ mode: 'ingress', target: 80, published: '8080', host_ip: '127.0.0.1' }],
      expose: ['9000', '53/udp'],
    },
    {
      networks: {
        default: { name: 'shop_default', ipam: { config: [{ subnet: '10.9.0.0/24' }] } },
      },
    },
  );
  const port = { hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'tcp' };
  assert.deepEqual(snapshotFromCompose(file), {
    containers: [
      {
        id: 'shop-web-1',
        name: 'shop-web-1',
        image: 'lab/web:1',
        createdAt: 0,
        state: 'running',
        health: 'none',
        labels: {
          'portcullis.port': '80',
          'com.docker.compose.project': 'shop',
          'com.docker.compose.service': 'web',
          'com.docker.compose.container-number': '1',
          'com.docker.compose.oneoff': 'False',
        },
        networkMode: 'shop_default',
        published: [port],
        portBindings: [port],
        exposed: [
          { containerPort: 53, protocol: 'udp' },
          { containerPort: 80, protocol: 'tcp' },
          { containerPort: 9000, protocol: 'tcp' },
        ],
        endpoints: [{ network: 'shop_default', networkId: 'shop_default' }],
      },
    ],
    networks: [
      {
        id: 'shop_default',
        name: 'shop_default',
        driver: 'bridge',
        subnets: ['10.9.0.0/24'],
        internal: false,
        ingress: false,
        options: {},
      },
    ],
  });
});

test('snapshotFromCompose(): a container_name is the name', () => {
  assert.deepEqual(containers({ container_name: 'front' })[0]?.name, 'front');
});

test('snapshotFromCompose(): replicas, of which only the first can hold a fixed port', () => {
  const found = containers({ deploy: { replicas: 3 }, ports: ['127.0.0.1:8080:80'] });
  assert.deepEqual(
    found.map(({ name, published }) => `${name} ${published.length}`),
    ['shop-web-1 1', 'shop-web-2 0', 'shop-web-3 0'],
  );
  assert.deepEqual(containers({ scale: 0 }), []);
});

test('snapshotFromCompose(): the host network publishes nothing', () => {
  const [container] = containers({ network_mode: 'host', ports: ['8080:80'] });
  assert.equal(container?.networkMode, 'host');
  assert.deepEqual(container?.published, []);
  assert.deepEqual(container?.endpoints, []);
});

test('snapshotFromCompose(): labels as a list, and $$ for $', () => {
  const [container] = containers({ labels: ['a=b=c', 'empty', 'price=$$5'] });
  const { a, empty, price } = container?.labels ?? {};
  assert.deepEqual({ a, empty, price }, { a: 'b=c', empty: '', price: '$5' });
});

test('snapshotFromCompose(): numbers and booleans in labels become text', () => {
  const [container] = containers({ labels: { n: 80, t: true, none: null } });
  const { n, t, none } = container?.labels ?? {};
  assert.deepEqual({ n, t, none }, { n: '80', t: 'true', none: '' });
});

const health = (healthcheck: object): string | undefined => containers({ healthcheck })[0]?.health;

test('snapshotFromCompose(): a health check counts as passed, unless it is disabled', () => {
  assert.equal(health({ test: ['CMD', 'true'] }), 'healthy');
  assert.equal(health({ test: ['NONE'] }), 'none');
  assert.equal(health({ disable: true }), 'none');
});

const errors: readonly [title: string, json: unknown, message: string][] = [
  [
    'no project name',
    { services: {} },
    'the Compose configuration has no "name"; write it with: docker compose config --format json',
  ],
  [
    'a port of the wrong type',
    stack({ ports: [{ target: 80, published: true }] }),
    'service web: ports[0]: published must be a port or a range of ports',
  ],
  [
    'labels of the wrong type',
    stack({ labels: { a: {} } }),
    'service web: labels["a"] must be text',
  ],
  [
    'absurd replicas',
    stack({ deploy: { replicas: 1e9 } }),
    'service web: the number of replicas must be from 0 to 1000',
  ],
];
for (const [title, json, message] of errors) {
  test(`snapshotFromCompose(): refuses ${title}`, () => {
    assert.throws(() => snapshotFromCompose(json), { name: 'ShapeError', message });
  });
}
