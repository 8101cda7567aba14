import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceFromApi } from './from-service.ts';

const ANSWER = {
  ID: 'jpjys5vdh35qs7qzd7k9fs931',
  CreatedAt: '2026-11-26T10:56:21.456988916Z',
  Spec: {
    Name: 'web',
    Labels: { 'portcullis.enable': 'true', 'portcullis.host': 'a.example.com' },
    TaskTemplate: { ContainerSpec: { Labels: { 'portcullis.host': 'b.example.com' } } },
  },
  Endpoint: {
    Ports: [
      { Protocol: 'tcp', TargetPort: 80, PublishedPort: 7001, PublishMode: 'ingress' },
      { Protocol: 'udp', TargetPort: 53, PublishedPort: 7002, PublishMode: 'host' },
      // Each node chooses its own.
      { Protocol: 'tcp', TargetPort: 81, PublishMode: 'host' },
    ],
  },
};

test("serviceFromApi(): ports with their mode, the container's labels over the service's", () => {
  assert.deepEqual(serviceFromApi(ANSWER), {
    id: 'jpjys5vdh35qs7qzd7k9fs931',
    name: 'web',
    createdAt: Date.UTC(2026, 10, 26, 10, 56, 21) / 1000,
    labels: { 'portcullis.enable': 'true', 'portcullis.host': 'b.example.com' },
    ports: [
      { protocol: 'tcp', publishedPort: 7001, targetPort: 80, mode: 'ingress' },
      { protocol: 'udp', publishedPort: 7002, targetPort: 53, mode: 'host' },
    ],
  });
});

test('serviceFromApi(): a service that publishes nothing; one without a name', () => {
  const { ID, CreatedAt } = ANSWER;
  const job = serviceFromApi({ ID, CreatedAt, Spec: { Name: 'job' } });
  assert.deepEqual([job.ports, job.labels], [[], {}]);
  assert.throws(() => serviceFromApi({ ID, CreatedAt }), /Name/);
});
