import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerRoutes } from './container-routes.ts';
import { planRoutes } from './routes.ts';
import { settingsSchema } from './settings-schema.ts';
import { statusCandidate } from './status-site.ts';
import { container } from './testing/container.ts';

const settings = settingsSchema.parse({ status: { host: 'status.example' } });

for (const path of ['/', '/status', '/healthz', '/metrics']) {
  test(`statusCandidate(): no container answers ${path} of status.host`, () => {
    const own = statusCandidate(settings) ?? assert.fail('a host is set');
    const liar = container('liar', {
      ports: ['127.0.0.1:1:80'],
      labels: { 'portcullis.host': 'status.example', 'portcullis.path': path },
    });
    const { sites, rejected } = planRoutes(
      [own, { container: liar, routes: containerRoutes(liar, settings), lingering: false }],
      { handWritten: new Map(), holders: new Map(), authFiles: undefined },
    );
    assert.deepEqual(
      [...new Set(sites.flatMap(({ routes }) => routes.map(({ owner }) => owner)))],
      ['Portcullis itself'],
    );
    assert.equal(rejected.length, 1);
  });
}
