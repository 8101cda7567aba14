/** What the boot unit loads, before anything of ours runs; and what is said where no backend works. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeBootFiles, writeBootFiles } from '../../src/adapters/boot-file.ts';
import { chooseBackend, removeAll } from '../../src/adapters/choose-backend.ts';
import { run, type Run } from '../../src/adapters/run.ts';
import { BOOT_UNIT, bootUnit } from '../../src/core/firewall/boot.ts';
import type { Ruleset } from '../../src/core/firewall/ruleset.ts';
import { findProgram, requireLab } from '../lab/requirements.ts';
import { openWire, type Wire } from '../lab/wire.ts';

requireLab();

const RULESET: Ruleset = {
  bridges: ['docker0'],
  trustedInterfaces: [],
  trustedSources: [],
  held: [
    { protocol: 'tcp', port: 8080, address: undefined },
    { protocol: 'tcp', port: 8443, address: undefined },
  ],
  grants: [
    {
      protocol: 'tcp',
      port: 8443,
      address: undefined,
      sources: ['0.0.0.0/0', '::/0'],
      endpoints: [{ address: '172.17.0.2', port: 80 }],
    },
  ],
  routed: [],
};

const BACKENDS = ['nftables', 'iptables', 'docker-user'] as const;

for (const kind of BACKENDS) {
  describe(`boot with ${kind}`, () => {
    let wire: Wire;
    let folder: string;
    before(async () => {
      wire = await openWire({ iptables: 'nft' });
      folder = await mkdtemp('/tmp/portcullis-boot-');
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
      await wire?.close();
    });

    test(
      'the unit is one that systemd takes',
      { skip: findProgram('systemd-analyze') === undefined && 'systemd-analyze is not installed' },
      async () => {
        const path = join(folder, BOOT_UNIT);
        await writeFile(path, bootUnit(folder, kind));
        const { stderr } = await run('systemd-analyze', ['verify', path]);
        assert.equal(
          stderr
            .split('\n')
            .filter((line) => line.includes(BOOT_UNIT))
            .join('\n'),
          '',
        );
        await rm(path);
      },
    );

    test('its commands close everything, twice over, and the daemon takes over from there', async () => {
      await writeBootFiles(RULESET, kind, folder);
      const commands = [...bootUnit(folder, kind).matchAll(/^ExecStart=(-?)(.*)$/gm)];
      const { outside, host, db } = wire.agents;
      const dials = (): Promise<readonly string[]> =>
        Promise.all([
          outside.dial('tcp', '198.51.100.1', 8443),
          outside.dial('tcp', '198.51.100.1', 8080),
          outside.dial('tcp', '172.17.0.3', 81),
          outside.dial('tcp', 'fd00:17::3', 81),
          outside.dial('tcp', '198.51.100.1', 22),
          host.dial('tcp', '127.0.0.1', 1234),
          db.dial('tcp', '198.51.100.10', 7000),
        ]);
      for (const round of [1, 2]) {
        for (const [, ignore, command = ''] of commands) {
          const { code, stderr } = await wire.host.run(command.split(' '));
          if (ignore === '') assert.equal(code, 0, `round ${round}: ${command}: ${stderr}`);
        }
        assert.deepEqual(await dials(), ['', '', '', '', 'ssh', 'db', 'internet']);
      }
      const backend = await chooseBackend(wire.run, kind);
      await backend.apply(RULESET);
      assert.deepEqual(await backend.drift(RULESET), []);
      assert.deepEqual(await dials(), ['web', '', '', '', 'ssh', 'db', 'internet']);
      await removeAll(wire.run);
      const rules = await wire.host.ok(['nft', 'list', 'ruleset']);
      assert.doesNotMatch(rules, /portcullis/i);
      await removeBootFiles(folder);
      assert.deepEqual(await readdir(folder), []);
    });
  });
}

describe('where a backend cannot work', () => {
  let wire: Wire;
  before(async () => {
    wire = await openWire({ iptables: 'nft' });
  });
  after(() => wire?.close());

  const lacking =
    (pattern: RegExp): Run =>
    (command, args, options) =>
      wire.run(pattern.test(command) ? '/nowhere/to/be/found' : command, args, options);

  test('auto takes iptables where nft is missing, and says what stays open without ip6tables', async () => {
    const backend = await chooseBackend(lacking(/^nft$|^ip6tables/), 'auto');
    assert.equal(backend.kind, 'iptables');
    assert.match(
      backend.gaps[0] ?? '',
      /^everything over IPv6: ip6tables-nft-restore is not installed/,
    );
    await backend.apply(RULESET);
    assert.deepEqual(await backend.drift(RULESET), []);
    assert.equal(await wire.agents.outside.dial('tcp', '198.51.100.1', 8080), '');
    await backend.remove();
  });

  test('no IPv6 in the kernel is no gap', async () => {
    await wire.host.ok([
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.lo.disable_ipv6=1',
    ]);
    const backend = await chooseBackend(lacking(/^nft$|^ip6tables/), 'auto');
    assert.deepEqual(
      backend.gaps.filter((gap) => gap.includes('IPv6')),
      [],
    );
  });

  test('nothing installed: every package is named', async () => {
    await assert.rejects(chooseBackend(lacking(/^nft$|tables/), 'auto'), {
      code: 'firewall-unavailable',
      message:
        'nft is not installed: install the package nftables; iptables-restore is not installed: install the package iptables',
    });
  });

  for (const kind of ['auto', ...BACKENDS] as const) {
    test(`${kind} without the right to change the firewall says so`, async () => {
      const powerless: Run = (command, args, options) =>
        wire.run('setpriv', ['--bounding-set', '-net_admin', '--', command, ...args], options);
      await assert.rejects(chooseBackend(powerless, kind), {
        code: 'firewall-unavailable',
        message:
          'no right to change the firewall: run as root or with CAP_NET_ADMIN (a container: --cap-add NET_ADMIN and --network host)',
      });
    });
  }
});
