/** What Podman runs beside plain containers: pods, health checks, the host network. `npm run test:podman` */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { get } from '../lab/http.ts';
import { label, openStage, published, type Stage } from './stage.ts';

for (const networks of ['netavark', 'cni'] as const) {
  describe(`Podman with ${networks}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(networks);
    });
    after(() => stage.lab.close());

    test('a pod: its ports are those of each of its containers, and its own labels open them', async () => {
      const { podman, lab } = stage;
      const ports = ['-p', '1410:80', '-p', '1411:8080'];
      await podman.createPod('shop', ...ports, ...label('public=1411/tcp', 'enable=true'));
      await podman.runIn('shop', 'web', 80, ...label('host=web.example', 'port=80'));
      await podman.runIn('shop', 'api', 8080, ...label('host=api.example', 'port=8080'));
      const { code, stderr } = await stage.portcullis('generate');
      assert.equal(code, 0, stderr);
      for (const host of ['web.example', 'api.example', 'service-1410.example.com']) {
        await stage.serves(host, 200);
      }
      const urls = [published(1410).v4, published(1411).v4];
      assert.deepEqual(await stage.answered(urls), [0, 200]);
      assert.equal((await get(lab.host, 'http://127.0.0.1:1410/')).status, 200);
      assert.deepEqual(await stage.openPaths(), []);
    });

    test('a pod: no label of a container in it opens a port of the pod', async () => {
      const { podman } = stage;
      await podman.runIn(
        'shop',
        'greedy',
        81,
        ...label('public=1410/tcp', 'port=80', 'host=g.example'),
      );
      const { code, stderr } = await stage.portcullis('generate');
      assert.equal(code, 4);
      assert.match(
        stderr,
        /container greedy: .*shares the network of \w+-infra; put the label there/,
      );
      assert.deepEqual(await stage.answered([published(1410).v4]), [0]);
      await podman.own('rm', '--force', '--time', '0', 'greedy');
    });

    test('health: no traffic until a check says healthy, however long it takes', async () => {
      const { podman } = stage;
      const checked = ['--health-cmd', 'sleep 1; test -e /healthy', '--health-retries', '1'];
      // What a timer of systemd does elsewhere; it fails where the check does.
      const check = (): Promise<unknown> =>
        podman.own('healthcheck', 'run', 'sick').catch(() => undefined);
      await podman.run(
        'sick',
        '-p',
        '127.0.0.1:1420:80',
        ...checked,
        ...label('host=sick.example'),
      );
      const watching = await stage.watch();
      try {
        await stage.serves('sick.example', 503);
        await check();
        await stage.serves('sick.example', 200);
        await podman.docker('exec', 'sick', 'rm', '/healthy');
        await check();
        await stage.serves('sick.example', 503);
      } finally {
        await watching.stop();
      }
      assert.equal((await stage.portcullis('generate', '--check')).code, 0, 'a list tells it too');
    });

    test('the host network: a route to the port that a label names, which is closed', async () => {
      await stage.podman.serve(
        8088,
        '--name',
        'hosted',
        '--network',
        'host',
        ...label('host=hosted.example', 'port=8088'),
      );
      const { code, stderr } = await stage.portcullis('generate');
      assert.equal(code, 0, stderr);
      await stage.serves('hosted.example', 200);
      assert.deepEqual(await stage.answered([published(8088).v4]), [0]);
    });
  });
}
