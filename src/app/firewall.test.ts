import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsSchema } from '../core/settings-schema.ts';
import { container } from '../core/testing/container.ts';
import { createPolicy } from './firewall.ts';

const settings = settingsSchema.parse({
  nginx: { control: 'container:nginx', http3: true },
  swarm: { port: 2378 },
});

for (const state of ['running', 'exited'] as const) {
  test(`createPolicy(): no label closes the ports of an Nginx in a container on the host network (${state})`, () => {
    const nginx = container('nginx', { networkMode: 'host', labels: {} });
    const other = container('other', {
      state,
      networkMode: 'host',
      labels: {
        'portcullis.port': '443',
        'portcullis.public': '80/tcp,443/udp,2378/tcp,9000/tcp',
        'portcullis.public-from': '192.0.2.1/32',
      },
    });
    const { ruleset, problems } = createPolicy(settings).of(
      { containers: [nginx, other], networks: [] },
      { taken: new Set(), foreign: new Set() },
    );
    assert.deepEqual(
      ruleset.held.map(({ port, protocol }) => `${port}/${protocol}`),
      ['9000/tcp'],
    );
    assert.match(
      problems.map(({ reason }) => reason).join(),
      /names the host's port 443\/tcp, which the settings give to Nginx or Portcullis: the firewall leaves it/,
    );
  });
}
