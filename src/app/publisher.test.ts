import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../adapters/generation-store.ts';
import { containerRoutes } from '../core/container-routes.ts';
import { holdersOf, NO_ID } from '../core/generation.ts';
import type { NginxHost } from '../core/nginx-host.ts';
import type { Site } from '../core/routes-model.ts';
import { settingsSchema } from '../core/settings-schema.ts';
import { container } from '../core/testing/container.ts';
import { createPublisher } from './publisher.ts';

test('publish(): who holds a host is on disk before the switch, whenever the process is killed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'portcullis-publisher-'));
  try {
    const store = openStore(dir);
    const nobody = async (): Promise<never> => assert.fail('not asked for');
    let seen: ReadonlyMap<string, string> | undefined;
    const nginx: NginxHost = {
      ...{ version: nobody, hasModule: nobody, testLive: nobody, workers: nobody, served: nobody },
      facts: async () => ({
        included: true,
        ...{ handWritten: new Map(), userDirectives: new Set(), userDefaults: new Map() },
        shutdownTimeout: undefined,
      }),
      test: async () => ({ ok: true, warnings: [] }),
      requireRunning: async () => {},
      async reload() {
        seen = holdersOf((await openStore(dir).live())?.manifest);
      },
      confirm: async () => {},
    };
    const render = (sites: readonly Site[]) =>
      sites.map((site) => ({ site, text: '', hash: '1'.repeat(16) }));
    const quiet = () => {};
    const publisher = createPublisher({
      ...{ store, nginx, hash: () => '2'.repeat(16), keepDrift: false },
      listen: { port: 80, ipv6: false, authDir: '', acmeDir: '' },
      renderSites: Object.assign(render, { stubOf: () => assert.fail('nothing is refused') }),
      renderIndex: ({ includes }) =>
        `# ${NO_ID}\n${includes.map((each) => `include ${each};\n`).join('')}`,
      authFiles: async () => undefined,
      makeAcmeDir: async () => {},
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    const web = container('web', { ports: ['127.0.0.1:1:80'] });
    const routes = containerRoutes(web, settingsSchema.parse({}));
    const desired = await publisher.desire([{ container: web, routes, lingering: false }]);
    await publisher.publish(desired, { reload: true });
    assert.equal(seen?.get('service-1.example.com /'), 'container web');
  } finally {
    await rm(dir, { recursive: true });
  }
});
