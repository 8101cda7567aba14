/** Whatever another program does to the firewall is seen, named and undone, once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { chooseBackend } from '../../src/adapters/choose-backend.ts';
import type { FirewallBackend } from '../../src/adapters/firewall-backend.ts';
import { monitorFirewall } from '../../src/adapters/firewall-monitor.ts';
import { rememberingPids } from '../../src/adapters/own-pids.ts';
import {
  createFirewallGuard,
  type FirewallGuard,
  type Repair,
} from '../../src/app/firewall-guard.ts';
import type { Ruleset } from '../../src/core/firewall/ruleset.ts';
import { requireLab } from '../lab/requirements.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { openWire, type Wire } from '../lab/wire.ts';

requireLab();

const RULESET: Ruleset = {
  bridges: ['docker0'],
  trustedInterfaces: ['wg9'],
  trustedSources: ['192.0.2.0/24', '2001:db8:9::/48'],
  held: [
    { protocol: 'tcp', port: 8080, address: undefined },
    { protocol: 'udp', port: 5353, address: undefined },
    { protocol: 'tcp', port: 8444, address: '198.51.100.1' },
    { protocol: 'tcp', port: 8444, address: '2001:db8:1::1' },
  ],
  grants: [
    {
      protocol: 'tcp',
      port: 8080,
      address: undefined,
      sources: ['198.51.100.66/32', '2001:db8:1::66/128'],
      endpoints: [{ address: '172.17.0.3', port: 80 }],
    },
  ],
  routed: [],
};

type Tampering = readonly [title: string, argv: readonly string[], program: RegExp, stdin?: string];

const nft = (...args: readonly string[]): Tampering => [
  `nft ${args.join(' ')}`,
  ['nft', ...args],
  /^nft$/,
];
const iptables = (variant: string, ...args: readonly string[]): Tampering => [
  `iptables ${args.join(' ')}`,
  [`iptables-${variant}`, ...args],
  /^(?:xtables-nft-mul|iptables)/,
];

const SUITES: readonly {
  readonly kind: FirewallBackend['kind'];
  readonly variant: 'nft' | 'legacy';
  readonly tamperings: readonly Tampering[];
}[] = [
  {
    kind: 'nftables',
    variant: 'legacy',
    tamperings: [
      nft('flush', 'ruleset'),
      nft('delete', 'table', 'inet', 'portcullis'),
      nft('flush', 'table', 'inet', 'portcullis'),
      nft('flush', 'set', 'inet', 'portcullis', 'held'),
      nft('flush', 'set', 'inet', 'portcullis', 'bridges'),
      nft('flush', 'chain', 'inet', 'portcullis', 'prerouting'),
      nft('insert', 'rule', 'inet', 'portcullis', 'forward', 'accept'),
      nft('add', 'rule', 'inet', 'portcullis', 'early', 'counter'),
      nft('add', 'element', 'inet', 'portcullis', 'from4', '{ tcp . 8080 . 203.0.113.0/24 }'),
      nft('add', 'table', 'inet', 'portcullis', '{ flags dormant; }'),
      nft('add', 'chain', 'inet', 'portcullis', 'strange'),
      nft('add', 'chain', 'inet', 'portcullis', 'forward', '{ policy drop; }'),
    ],
  },
  {
    kind: 'iptables',
    variant: 'nft',
    tamperings: [
      iptables('nft', '-t', 'mangle', '-F'),
      iptables('nft', '-t', 'mangle', '-F', 'PREROUTING'),
      iptables('nft', '-t', 'mangle', '-I', 'FORWARD', '-j', 'ACCEPT'),
      iptables('nft', '-t', 'mangle', '-I', 'PORTCULLIS-FWD', '-j', 'RETURN'),
      iptables('nft', '-t', 'mangle', '-A', 'INPUT', '-j', 'PORTCULLIS-IN'),
      nft('flush', 'ruleset'),
      [
        'iptables-restore without --noflush',
        ['iptables-nft-restore'],
        /^(?:xtables-nft-mul|iptables)/,
        '*mangle\nCOMMIT\n',
      ],
    ],
  },
  {
    kind: 'iptables',
    variant: 'legacy',
    tamperings: [
      iptables('legacy', '-t', 'mangle', '-F'),
      iptables('legacy', '-t', 'mangle', '-I', 'PREROUTING', '-j', 'ACCEPT'),
    ],
  },
  {
    kind: 'docker-user',
    variant: 'nft',
    tamperings: [
      iptables('nft', '-F', 'DOCKER-USER'),
      iptables('nft', '-I', 'DOCKER-USER', '-j', 'ACCEPT'),
      iptables('nft', '-F'),
    ],
  },
];

for (const { kind, variant, tamperings } of SUITES) {
  describe(`${kind}, Docker on iptables-${variant}`, () => {
    let wire: Wire;
    let backend: FirewallBackend;
    let guard: FirewallGuard;
    const repairs: Repair[] = [];
    const stop = new AbortController();
    let watching: Promise<unknown>;

    before(async () => {
      wire = await openWire({ iptables: variant });
      const own = rememberingPids(wire.run);
      backend = await chooseBackend(own.run, kind);
      guard = createFirewallGuard({
        backend,
        // Each tampering by itself is no fight.
        now: () => performance.now() * 1_000,
        onRepair: (repair) => repairs.push(repair),
        onFailure: (error) => assert.fail(error),
      });
      await guard.apply(RULESET);
      watching = Promise.all([
        guard.run(60_000, stop.signal),
        monitorFirewall({
          run: own.run,
          start: (command, args) =>
            spawn('nsenter', [`--net=/run/netns/${wire.host.name}`, '--', command, ...args], {
              stdio: ['ignore', 'pipe', 'ignore'],
            }),
          tables: backend.watches.tables,
          ...(backend.watches.legacy && { legacyPollMs: 100 }),
          isOwn: own.isOwn,
          onChange: (change) => void guard.look(change),
          signal: stop.signal,
        }),
      ]);
      // Past the looks of a monitor that starts, which would find it first and know no name; nft 1.0.6
      // also crashes later where rules were changed while it started.
      await wait(2_500);
    });
    after(async () => {
      stop.abort();
      await watching;
      await wire?.close();
    });

    const tamper = async ([, argv, , stdin]: Tampering): Promise<void> => {
      await wire.host.ok(argv, { stdin: stdin ?? '' });
    };

    for (const tampering of tamperings) {
      const [title, , program] = tampering;
      test(`${title} is seen, named and undone once`, async (t) => {
        await guard.look();
        const known = repairs.length;
        await tamper(tampering);
        const repair = await waitUntil('it is repaired', () => repairs[known]);
        assert.deepEqual(await backend.drift(RULESET), []);
        assert.notDeepEqual(repair.drift, []);
        if (variant === 'nft' || kind === 'nftables')
          assert.match(repair.by?.program ?? '', program);
        await guard.look();
        assert.equal(repairs.length, known + 1);
        const [first] = repair.drift;
        t.diagnostic(
          `${(repair.ms / 1_000).toFixed(0)} ms by ${repair.by?.program} ${repair.by?.pid}: ${first?.what}: expected ${first?.expected}, found ${first?.found}`,
        );
      });
    }

    test('what others do to their own rules is no reason to act', async () => {
      const known = repairs.length;
      await wire.host.ok([`iptables-${variant}`, '-t', 'nat', '-F']);
      await wire.host.ok(['nft', 'add', 'table', 'inet', 'theirs']);
      await guard.look();
      assert.equal(repairs.length, known);
    });
  });
}

describe('two programs that fight', () => {
  let wire: Wire;
  before(async () => {
    wire = await openWire({ iptables: 'legacy' });
  });
  after(() => wire?.close());

  test('the repairs slow down and become alarms', async () => {
    const backend = await chooseBackend(wire.run, 'nftables');
    const repairs: Repair[] = [];
    let now = 0;
    const stop = new AbortController();
    const guard = createFirewallGuard({
      backend,
      now: () => now,
      onRepair: (repair) => repairs.push(repair),
      onFailure: (error) => assert.fail(error),
    });
    await guard.apply(RULESET);
    const running = guard.run(60_000, stop.signal);
    try {
      for (let round = 0; round < 22; round++) {
        await backend.remove();
        await guard.look();
        now += 10;
      }
      assert.deepEqual(
        repairs.map(({ alarm }) => alarm),
        Array.from({ length: 20 }, () => false),
      );
      now += 1_000;
      await guard.look();
      assert.equal(repairs.at(-1)?.alarm, true);
      assert.deepEqual(await backend.drift(RULESET), []);
    } finally {
      stop.abort();
      await running;
    }
  });
});
