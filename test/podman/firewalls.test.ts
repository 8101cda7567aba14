/** Each firewall backend before Podman's networks, over IPv4 and IPv6, and what boot loads of it. `npm run test:podman` */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bootUnit } from '../../src/core/firewall/boot.ts';
import { HOST_V4, HOST_V6 } from '../lab/lab.ts';
import { label, openStage, published, type Stage } from './stage.ts';

for (const [networks, firewall] of [
  ['netavark', 'nftables'],
  ['cni', 'nftables'],
  ['netavark', 'iptables'],
  ['cni', 'iptables'],
  ['netavark', 'docker-user'],
  ['cni', 'docker-user'],
] as const) {
  describe(`Podman with ${networks}, firewall with ${firewall}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(networks, firewall);
      const { podman, lab } = stage;
      const six = ['--network', 'six'];
      await podman.own(
        ...['network', 'create', '--ipv6'],
        ...['--subnet', '10.91.0.0/24', '--subnet', 'fd00:91::/64', 'six'],
      );
      await podman.run('six', '-p', '1401:80', ...six, ...label('host=six.example'));
      await podman.run('open', '-p', '1402:80', ...six, ...label('public=true'));
      await lab.outside.ok(['ip', 'route', 'add', '10.91.0.0/24', 'via', HOST_V4]);
      await lab.outside.ok(['ip', '-6', 'route', 'add', 'fd00:91::/64', 'via', HOST_V6]);
    });
    after(() => stage.lab.close());

    const both = ({ v4, v6 }: { v4: string; v6: string }): readonly string[] => [v4, v6];
    const guarded = async (): Promise<readonly string[]> => [
      ...both(published(1401)),
      ...both(await stage.direct('six')),
      ...both(await stage.direct('open')),
    ];

    test('without a firewall everything is open', async () => {
      await stage.open(await guarded());
    });

    test('closed over IPv4 and IPv6, published and routed; open where a label says so', async () => {
      const { code, stderr } = await stage.portcullis('generate');
      assert.equal(code, 0, stderr);
      await stage.serves('six.example', 200);
      assert.deepEqual(await stage.answered(await guarded()), [0, 0, 0, 0, 0, 0]);
      await stage.open(both(published(1402)));
      const check = await stage.portcullis('firewall', 'check');
      assert.equal(check.code, 0, check.stdout);
      assert.deepEqual(await stage.openPaths(), []);
    });

    test('a container that comes back on its network stays closed, with no watch', async () => {
      const { podman } = stage;
      await podman.own('rm', '--force', '--time', '0', 'six');
      await podman.run('six', '-p', '1401:80', '--network', 'six', ...label('host=six.example'));
      assert.deepEqual(await stage.answered(await guarded()), [0, 0, 0, 0, 0, 0]);
    });

    test('what boot loads keeps containers closed that Podman starts before any watch', async () => {
      const { podman, lab } = stage;
      await podman.own('stop', '--all', '--time', '0');
      const state = join(lab.folder, 'state');
      const unit = bootUnit(state, firewall);
      await lab.host.ok(['cp', '-r', state, `${state}.kept`]); // `remove` takes boot's files too
      assert.equal((await stage.portcullis('firewall', 'remove', '--yes')).code, 0);
      await lab.host.ok(['cp', '-r', `${state}.kept/.`, state]);
      for (const [, ignore, command = ''] of unit.matchAll(/^ExecStart=(-?)(.*)$/gm)) {
        const { code, stderr } = await lab.host.run(command.split(' '));
        if (ignore === '') assert.equal(code, 0, `${command}: ${stderr}`);
      }
      await podman.own('start', 'six', 'open');
      assert.deepEqual(await stage.answered(await guarded()), [0, 0, 0, 0, 0, 0]);
      assert.equal((await stage.portcullis('generate')).code, 0);
      await stage.open(both(published(1402)));
    });
  });
}
