/** Podman's Docker-compatible socket, as far as it goes: routes, events and the firewall. `npm run test:podman` */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get } from '../lab/http.ts';
import { HOST_V4 } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { label, openStage, published, type Stage } from './stage.ts';

for (const [backend, bridges] of [
  ['netavark', ['podman0', 'podman1']],
  ['cni', ['cni-podman0', 'cni-podman1']],
] as const) {
  describe(`Podman with ${backend}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(backend);
      const { podman, lab } = stage;
      const other = ['--network', 'other'];
      await podman.docker('network', 'create', 'other');
      await podman.run('plain', '-p', '1301:80', ...label('enable=true'));
      await podman.run('loop', '-p', '127.0.0.1:1302:80', ...label('host=loop.example'));
      await podman.run('away', '-p', '1303:80', ...other, ...label('host=away.example'));
      await podman.run('open', '-p', '1304:80', ...label('public=true'));
      for (const subnet of ['10.88.0.0/16', '10.89.0.0/16']) {
        await lab.outside.ok(['ip', 'route', 'add', subnet, 'via', HOST_V4]);
      }
    });
    after(() => stage.lab.close());

    const ways = async (): Promise<readonly string[]> => [
      published(1301).v4,
      published(1303).v4,
      (await stage.direct('loop')).v4,
      (await stage.direct('away')).v4,
    ];

    test('without a firewall everything published or routed is open', async () => {
      assert.deepEqual(await stage.answered(await ways()), [200, 200, 200, 200]);
    });

    test('generate: each container is served, and the firewall knows the bridges', async () => {
      const { code, stderr } = await stage.portcullis('generate');
      assert.equal(code, 0, stderr);
      for (const host of ['service-1301.example.com', 'loop.example', 'away.example']) {
        await stage.serves(host, 200);
      }
      const shown = JSON.parse((await stage.portcullis('firewall', 'show', '--json')).stdout);
      assert.deepEqual(shown.ruleset.bridges, bridges);
    });

    test('closed for outside by every way, open where a label says so', async () => {
      assert.deepEqual(await stage.answered(await ways()), [0, 0, 0, 0]);
      assert.deepEqual(await stage.answered([published(1304).v4]), [200]);
      for (const port of [1301, 1302, 1303]) {
        const { status } = await get(stage.lab.host, `http://127.0.0.1:${port}/`);
        assert.equal(status, 200, `${port} on the host itself`);
      }
      const check = await stage.portcullis('firewall', 'check');
      assert.equal(check.code, 0, check.stdout);
    });

    test('audit: no path is open but the public one', async () => {
      assert.deepEqual(await stage.openPaths(), []);
    });

    test('watch: containers that come, restart, crash and go, and a network that is new', async () => {
      const { podman, lab } = stage;
      const held = (): Promise<string> =>
        lab.host.ok(['nft', 'list', 'set', 'inet', 'portcullis', 'held']);
      const watching = await stage.watch();
      try {
        await podman.run('fresh', '-p', '1305:80', ...label('host=fresh.example'));
        await stage.serves('fresh.example', 200);
        assert.deepEqual(await stage.answered([published(1305).v4]), [0]);
        await podman.docker('restart', '-t', '0', 'fresh');
        await stage.serves('fresh.example', 200);

        const pid = await podman.docker('inspect', '-f', '{{.State.Pid}}', 'fresh');
        process.kill(Number(pid), 'SIGKILL');
        await stage.serves('fresh.example', 0);
        assert.match(await held(), /1305/);
        await podman.docker('rm', 'fresh');
        await waitUntil('its port is free', async () => !(await held()).includes('1305'));

        // Podman tells of no network that is made: only the container on it does.
        await podman.docker('network', 'create', 'newer');
        const newer = ['--network', 'newer'];
        await podman.run('late', '-p', '1306:80', ...newer, ...label('host=late.example'));
        await stage.serves('late.example', 200);
        const late = [published(1306).v4, (await stage.direct('late')).v4];
        assert.deepEqual(await stage.answered(late), [0, 0], 'its bridge is closed');
      } finally {
        await watching.stop();
      }
    });
  });
}
