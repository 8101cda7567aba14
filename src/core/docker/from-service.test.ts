import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceFromApi } from './from-service.ts';

test('serviceFromApi(): ports with their mode; a service without any', () => {
  const answer = {
    Spec: { Name: 'web' },
    Endpoint: {
      Ports: [
        { Protocol: 'tcp', TargetPort: 80, PublishedPort: 7001, PublishMode: 'ingress' },
        { Protocol: 'udp', TargetPort: 53, PublishedPort: 7002, PublishMode: 'host' },
      ],
    },
  };
  assert.deepEqual(serviceFromApi(answer), {
    name: 'web',
    ports: [
      { protocol: 'tcp', publishedPort: 7001, targetPort: 80, mode: 'ingress' },
      { protocol: 'udp', publishedPort: 7002, targetPort: 53, mode: 'host' },
    ],
  });
  assert.deepEqual(serviceFromApi({ Spec: { Name: 'job' } }), { name: 'job', ports: [] });
  assert.throws(() => serviceFromApi({ Endpoint: {} }), /Name/);
});
