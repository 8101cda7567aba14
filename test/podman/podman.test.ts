/** Podman's Docker-compatible socket, as far as it goes: routes, events and the firewall. `npm run test:podman` */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { startPodman, type NetworkBackend, type Podman } from './podman.ts';

const label = (text: string): readonly string[] => ['--label', `portcullis.${text}`];

for (const [backend, bridges] of [
  ['netavark', ['podman0', 'podman1']],
  ['cni', ['cni-podman0', 'cni-podman1']],
] as const satisfies readonly (readonly [NetworkBackend, readonly string[]])[]) {
  describe(`Podman with ${backend}`, () => {
    let lab: Lab;
    let podman: Podman;
    let config = '';

    before(async () => {
      lab = await openLab();
      podman = await startPodman(lab, backend);
      const nginx = await lab.startNginx();
      config = await put(
        join(lab.folder, 'portcullis.yaml'),
        `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { backend: nftables, state_dir: ${join(lab.folder, 'state')} }
watch: { resync: 1h, linger: 1s }
`,
      );
      await put(join(nginx.confDir, 'conf.d', 'p.conf'), `include ${nginx.dir}/*.conf;\n`);
      await podman.docker('network', 'create', 'other');
      await podman.run('plain', '-p', '1301:80', ...label('enable=true'));
      await podman.run('loop', '-p', '127.0.0.1:1302:80', ...label('host=loop.example'));
      await podman.run(
        'away',
        '-p',
        '1303:80',
        '--network',
        'other',
        ...label('host=away.example'),
      );
      await podman.run('open', '-p', '1304:80', ...label('public=true'));
      for (const subnet of ['10.88.0.0/16', '10.89.0.0/16']) {
        await lab.outside.ok(['ip', 'route', 'add', subnet, 'via', HOST_V4]);
      }
    });
    after(() => lab.close());

    const portcullis = (...args: readonly string[]): Promise<RunResult> =>
      lab.portcullis(['--config', config, '--docker', podman.url, ...args]);
    const statusOf = async (url: string, host?: string): Promise<number> =>
      (await get(lab.outside, url, { ...(host !== undefined && { host }), args: ['-m', '2'] }))
        .status;
    const addressOf = (name: string): Promise<string> =>
      podman.docker(
        'inspect',
        '-f',
        '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}',
        name,
      );
    const published = (port: number): string => `http://${HOST_V4}:${port}/`;
    const direct = async (name: string): Promise<string> => `http://${await addressOf(name)}/`;

    test('without a firewall everything published or routed is open', async () => {
      for (const url of [
        published(1301),
        published(1303),
        await direct('loop'),
        await direct('away'),
      ]) {
        assert.equal(await statusOf(url), 200, url);
      }
    });

    test('generate: each container is served, and the firewall knows the bridges', async () => {
      const { code, stderr } = await portcullis('generate');
      assert.equal(code, 0, stderr);
      for (const host of ['service-1301.example.com', 'loop.example', 'away.example']) {
        await waitUntil(
          `${host} is served`,
          async () => (await statusOf(published(80), host)) === 200,
        );
      }
      const shown = JSON.parse((await portcullis('firewall', 'show', '--json')).stdout);
      assert.deepEqual(shown.ruleset.bridges, bridges);
    });

    test('closed for outside by every way, open where a label says so', async () => {
      for (const url of [
        published(1301),
        published(1303),
        await direct('loop'),
        await direct('away'),
      ]) {
        assert.equal(await statusOf(url), 0, url);
      }
      assert.equal(await statusOf(published(1304)), 200);
      for (const port of [1301, 1302, 1303]) {
        const { status } = await get(lab.host, `http://127.0.0.1:${port}/`);
        assert.equal(status, 200, `${port} on the host itself`);
      }
      const check = await portcullis('firewall', 'check');
      assert.equal(check.code, 0, check.stdout);
    });

    test('audit: no path is open but the public one', async () => {
      const { findings } = JSON.parse((await portcullis('audit', '--json')).stdout);
      const open = findings.filter(({ verdict }: { verdict: string }) => verdict === 'open');
      assert.deepEqual(open, []);
    });

    test('watch: containers that come, restart, crash and go, and a network that is new', async () => {
      const watching = lab.startPortcullis(['--config', config, '--docker', podman.url, 'watch']);
      const served = (host: string): Promise<unknown> =>
        waitUntil(`${host} is served`, async () => (await statusOf(published(80), host)) === 200);
      const gone = (host: string): Promise<unknown> =>
        waitUntil(`${host} is gone`, async () => (await statusOf(published(80), host)) !== 200);
      const held = (): Promise<string> =>
        lab.host.ok(['nft', 'list', 'set', 'inet', 'portcullis', 'held']);
      try {
        await waitUntil('it follows', async () => (await portcullis('status')).code === 0);
        await podman.run('fresh', '-p', '1305:80', ...label('host=fresh.example'));
        await served('fresh.example');
        assert.equal(await statusOf(published(1305)), 0);
        await podman.docker('restart', '-t', '0', 'fresh');
        await served('fresh.example');

        const pid = await podman.docker('inspect', '-f', '{{.State.Pid}}', 'fresh');
        process.kill(Number(pid), 'SIGKILL');
        await gone('fresh.example');
        assert.match(await held(), /1305/);
        await podman.docker('rm', 'fresh');
        await waitUntil('its port is free', async () => !(await held()).includes('1305'));

        // Podman tells of no network that is made: only the container on it does.
        await podman.docker('network', 'create', 'newer');
        await podman.run(
          'late',
          '-p',
          '1306:80',
          '--network',
          'newer',
          ...label('host=late.example'),
        );
        await served('late.example');
        assert.equal(await statusOf(published(1306)), 0);
        assert.equal(await statusOf(await direct('late')), 0, 'its bridge is closed');
      } finally {
        await watching.stop();
      }
    });
  });
}
