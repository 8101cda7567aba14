import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../adapters/generation-store.ts';
import { containerRoutes } from '../core/container-routes.ts';
import { holdersOf, NO_ID, type RenderedSite } from '../core/generation.ts';
import type { NginxHost } from '../core/nginx-host.ts';
import type { Site } from '../core/routes-model.ts';
import { settingsSchema } from '../core/settings-schema.ts';
import { container } from '../core/testing/container.ts';
import { PortcullisError } from '../errors.ts';
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

test('publish(): after a reload that failed, sites that fail together are tested together until none is refused', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'portcullis-publisher-'));
  try {
    const store = openStore(dir);
    const nobody = async (): Promise<never> => assert.fail('not asked for');
    const isBad = (index: string): boolean =>
      index.includes('sites/good.example') && /sites\/evil\.example\.e/.test(index);
    let served = '';
    const nginx: NginxHost = {
      ...{ version: nobody, hasModule: nobody, testLive: nobody, workers: nobody, served: nobody },
      facts: async () => ({
        included: true,
        ...{ handWritten: new Map(), userDirectives: new Set(), userDefaults: new Map() },
        shutdownTimeout: undefined,
      }),
      test: async (path) =>
        isBad(await readFile(path, 'utf8'))
          ? { ok: false, output: '', reason: 'could not build server_names_hash' }
          : { ok: true, warnings: [] },
      requireRunning: async () => {},
      async reload() {
        const index = (await openStore(dir).live())?.index ?? '';
        if (!isBad(index)) served = index;
      },
      async confirm(id) {
        if (!served.includes(id)) throw new PortcullisError('nginx-reload-failed', 'not served');
      },
    };
    const hashOf = ({ host, routes }: Site): string =>
      `${host.startsWith('evil') ? 'e' : '1'}${routes[0]?.servers[0]?.address.slice(-4)}`.padEnd(
        16,
        '0',
      );
    const render = (sites: readonly Site[]): RenderedSite[] =>
      sites.map((site) => ({ site, text: '', hash: hashOf(site) }));
    const stubOf = ({ site, hash }: RenderedSite, reason: string): RenderedSite => ({
      ...{ site, text: 'stub', hash: '0'.repeat(16) },
      refused: { hash, reason, meant: site },
    });
    const quiet = () => {};
    let count = 0;
    const publisher = createPublisher({
      ...{ store, nginx, keepDrift: false },
      hash: () => (++count).toString(16).padStart(16, '3'),
      listen: { port: 80, ipv6: false, authDir: '', acmeDir: '' },
      renderSites: Object.assign(render, { stubOf }),
      renderIndex: ({ includes }) =>
        `# ${NO_ID}\n${includes.map((each) => `include ${each};\n`).join('')}`,
      authFiles: async () => undefined,
      makeAcmeDir: async () => {},
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    const pass = async (...ports: readonly string[]) => {
      const candidates = ports.map((port) => {
        const name = port === '1000' ? 'good' : 'evil';
        const labels = { 'portcullis.host': `${name}.example` };
        const web = container(name, { ports: [`127.0.0.1:${port}:80`], labels });
        const routes = containerRoutes(web, settingsSchema.parse({}));
        return { container: web, routes, lingering: false };
      });
      const desired = await publisher.desire(candidates, { verify: false });
      return publisher.publish(desired, { reload: true });
    };
    await pass('1000');
    await assert.rejects(pass('1000', '2000'), { code: 'nginx-reload-failed' });
    for (const port of ['2000', '2001', '2002']) {
      const { problems } = await pass('1000', port);
      assert.match(problems[0]?.reason ?? '', /^the site evil\.example is quarantined/);
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});
