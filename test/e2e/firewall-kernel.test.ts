/** Every backend against real packets: what outside reaches before, and what it still reaches after. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Ruleset } from '../../src/core/firewall/ruleset.ts';
import { chooseBackend } from '../../src/adapters/choose-backend.ts';
import type { FirewallBackend } from '../../src/adapters/firewall-backend.ts';
import type { Agent } from '../lab/agent.ts';
import { openWire, type Wire } from '../lab/wire.ts';
import { requireLab } from '../lab/requirements.ts';

requireLab();

const RULESET: Ruleset = {
  bridges: ['docker0'],
  trustedInterfaces: [],
  trustedSources: [],
  held: [
    { protocol: 'tcp', port: 8080, address: undefined },
    { protocol: 'tcp', port: 8443, address: undefined },
    { protocol: 'tcp', port: 9000, address: undefined },
    { protocol: 'udp', port: 5353, address: undefined },
    { protocol: 'udp', port: 5354, address: undefined },
  ],
  grants: [
    {
      protocol: 'tcp',
      port: 8443,
      address: undefined,
      sources: ['198.51.100.10/32', '2001:db8:1::10/128'],
      endpoints: [
        { address: '172.17.0.2', port: 80 },
        { address: 'fd00:17::2', port: 80 },
      ],
    },
  ],
  routed: [],
};
/** Port 9000 is a container's on one of the host's two addresses only. */
const OTHER_RULESET: Ruleset = {
  bridges: ['docker0'],
  trustedInterfaces: ['wg0'],
  trustedSources: ['198.51.100.66/32', '2001:db8:1::66/128'],
  held: [
    { protocol: 'tcp', port: 9000, address: '198.51.100.1' },
    { protocol: 'tcp', port: 9000, address: '2001:db8:1::1' },
    { protocol: 'tcp', port: 9998, address: '198.51.100.1' },
  ],
  grants: [
    {
      protocol: 'tcp',
      port: 9998,
      address: '198.51.100.1',
      sources: ['198.51.100.0/24'],
      endpoints: [{ address: '172.17.0.2', port: 80 }],
    },
  ],
  routed: [
    { protocol: 'tcp', address: '172.17.0.3', port: 81, sources: ['198.51.100.10/32'] },
    { protocol: 'tcp', address: 'fd00:17::3', port: 81, sources: ['2001:db8:1::10/128'] },
  ],
};
const NO_GRANT: Ruleset = { ...RULESET, grants: [] };

type Row = {
  readonly title: string;
  readonly from: keyof Wire['agents'];
  readonly to: readonly [protocol: 'tcp' | 'udp', host: string, port: number, from?: string];
  /** What answers on a bare Docker host. */
  readonly bare: string;
  /** What answers behind the firewall; '' for nothing. */
  readonly guarded: string;
};

const closed = (title: string, from: Row['from'], to: Row['to'], bare: string): Row => ({
  title,
  from,
  to,
  bare,
  guarded: '',
});
const works = (title: string, from: Row['from'], to: Row['to'], bare: string): Row => ({
  title,
  from,
  to,
  bare,
  guarded: bare,
});

const rows = (wire: Wire): readonly Row[] => [
  closed('a published port', 'outside', ['tcp', '198.51.100.1', 8080], 'db'),
  closed('a published port, by another network card', 'second', ['tcp', '203.0.113.1', 8080], 'db'),
  closed('a published UDP port', 'outside', ['udp', '198.51.100.1', 5353], 'db-53'),
  closed('127.0.0.1 asked for by a neighbour', 'second', ['tcp', '127.0.0.1', 1234], 'db'),
  closed('a container address, published port', 'outside', ['tcp', '172.17.0.3', 80], 'db'),
  closed(
    'a container address, port published on loopback',
    'second',
    ['tcp', '172.17.0.3', 80],
    'db',
  ),
  closed('a container address, unpublished port', 'outside', ['tcp', '172.17.0.3', 81], 'db-81'),
  closed('a container address, UDP', 'outside', ['udp', '172.17.0.3', 53], 'db-53'),
  closed('a public container by its own address', 'outside', ['tcp', '172.17.0.2', 80], 'web'),
  closed('a port published this very moment', 'outside', ['tcp', '198.51.100.1', 9999], 'db-81'),
  closed(
    'a public container, by a port not public',
    'outside',
    ['tcp', '198.51.100.1', 9998],
    'web',
  ),
  closed('a published port over IPv6', 'outside', ['tcp', '2001:db8:1::1', 8080], 'db'),
  closed('an IPv6 container address', 'outside', ['tcp', 'fd00:17::3', 80], 'db'),
  closed('an unpublished port over IPv6', 'outside', ['tcp', 'fd00:17::3', 81], 'db-81'),
  closed('the userland proxy, link-local', 'outside', ['tcp', wire.linkLocal, 8080], 'proxy'),
  closed('the router anycast address', 'outside', ['udp', '2001:db8:1::', 5354], 'proxy-udp'),
  closed(
    'the userland proxy, by broadcast',
    'outside',
    ['udp', '198.51.100.255', 5354],
    'proxy-udp',
  ),
  closed('a host-network port', 'outside', ['tcp', '198.51.100.1', 9000], 'host-network'),
  closed(
    'a host-network port over IPv6',
    'outside',
    ['tcp', '2001:db8:1::1', 9000],
    'host-network',
  ),
  closed(
    'a public port, another source',
    'outside',
    ['tcp', '198.51.100.1', 8443, '198.51.100.66'],
    'web',
  ),
  closed(
    'a public port, another IPv6 source',
    'outside',
    ['tcp', '2001:db8:1::1', 8443, '2001:db8:1::66'],
    'web',
  ),
  closed('a public port, another card', 'second', ['tcp', '203.0.113.1', 8443], 'web'),
  works(
    'a public port, its source',
    'outside',
    ['tcp', '198.51.100.1', 8443, '198.51.100.10'],
    'web',
  ),
  works(
    'a public port, its IPv6 source',
    'outside',
    ['tcp', '2001:db8:1::1', 8443, '2001:db8:1::10'],
    'web',
  ),
  works('SSH', 'outside', ['tcp', '198.51.100.1', 22], 'ssh'),
  works('SSH over IPv6', 'outside', ['tcp', '2001:db8:1::1', 22], 'ssh'),
  works('host to 127.0.0.1', 'host', ['tcp', '127.0.0.1', 1234], 'db'),
  works('host to a container', 'host', ['tcp', '172.17.0.3', 81], 'db-81'),
  works('host to its own published port', 'host', ['tcp', '198.51.100.1', 8080], 'db'),
  works('container to the internet', 'db', ['tcp', '198.51.100.10', 7000], 'internet'),
  works('container to the internet, UDP', 'db', ['udp', '198.51.100.10', 7000], 'internet'),
  works('an ICMP error to a container', 'db', ['udp', '198.51.100.10', 7001], 'refused'),
  works('container to container', 'db', ['tcp', '172.17.0.2', 80], 'web'),
  works('container to the host', 'db', ['tcp', '172.17.0.1', 22], 'ssh'),
  works(
    'container to container by its published port',
    'web',
    ['tcp', '198.51.100.1', 8080],
    'proxy',
  ),
];

const OTHER_ROWS: readonly Row[] = [
  works('trusted interface', 'second', ['tcp', '203.0.113.1', 8080], 'db'),
  closed('127.0.0.1 from a trusted interface', 'second', ['tcp', '127.0.0.1', 1234], 'db'),
  works('trusted source', 'outside', ['tcp', '198.51.100.1', 8080, '198.51.100.66'], 'db'),
  works('trusted IPv6 source', 'outside', ['tcp', '2001:db8:1::1', 8080, '2001:db8:1::66'], 'db'),
  closed('a source that is not', 'outside', ['tcp', '198.51.100.1', 8080, '198.51.100.10'], 'db'),
  closed(
    'a held address',
    'outside',
    ['tcp', '198.51.100.1', 9000, '198.51.100.10'],
    'host-network',
  ),
  closed(
    'a held IPv6 address',
    'outside',
    ['tcp', '2001:db8:1::1', 9000, '2001:db8:1::10'],
    'host-network',
  ),
  works(
    'an address not held',
    'outside',
    ['tcp', '198.51.100.2', 9000, '198.51.100.10'],
    'host-network',
  ),
  works('a granted address', 'outside', ['tcp', '198.51.100.1', 9998, '198.51.100.10'], 'web'),
  works('a routed container', 'outside', ['tcp', '172.17.0.3', 81, '198.51.100.10'], 'db-81'),
  works('a routed IPv6 container', 'outside', ['tcp', 'fd00:17::3', 81, '2001:db8:1::10'], 'db-81'),
  closed(
    'a routed container, another port',
    'outside',
    ['tcp', '172.17.0.3', 80, '198.51.100.10'],
    'db',
  ),
];

/** Silence where an answer is due may be a neighbour not yet found; silence that is due is taken at once. */
async function answers(
  wire: Wire,
  which: readonly Row[],
  key: 'bare' | 'guarded',
): Promise<Record<string, string>> {
  const pairs = which.map(async ({ title, from, to, [key]: due }) => {
    for (let tries = due === '' ? 1 : 5; ; tries--) {
      const heard = await wire.agents[from].dial(...to);
      if (heard !== '' || tries === 1) return [title, heard];
    }
  });
  return Object.fromEntries(await Promise.all(pairs));
}

const expected = (which: readonly Row[], key: 'bare' | 'guarded'): Record<string, string> =>
  Object.fromEntries(which.map((row) => [row.title, row[key]]));

/** All rules of everybody. Left out: counters, and the empty chains that iptables itself makes on first use. */
async function ruleDump({ host }: Wire): Promise<string> {
  const commands = [
    'nft -s list ruleset',
    'iptables-save',
    'ip6tables-save',
    'iptables-legacy-save',
  ];
  const texts = await Promise.all(commands.map((command) => host.run(command.split(' '))));
  return texts
    .map(({ stdout }) => stdout)
    .join('\n')
    .replaceAll(/^#.*\n|^:[A-Z]+ ACCEPT.*\n|\[\d+:\d+\]|packets \d+ bytes \d+/gm, '')
    .replaceAll(/\tchain [A-Z]+ \{\n\t\ttype .* policy accept;\n\t\}\n/g, '')
    .replaceAll(/\n+/g, '\n');
}

const BACKENDS = [
  { kind: 'nftables', iptables: 'nft' },
  { kind: 'nftables', iptables: 'legacy' },
  { kind: 'iptables', iptables: 'nft' },
  { kind: 'iptables', iptables: 'legacy' },
  { kind: 'docker-user', iptables: 'nft' },
] as const;

for (const { kind, iptables } of BACKENDS) {
  describe(`${kind}, Docker on iptables-${iptables}`, () => {
    let wire: Wire;
    let backend: FirewallBackend;
    let all: readonly Row[];
    before(async () => {
      wire = await openWire({ iptables });
      // Docker does not use this table, and iptables leaves it behind, empty, once it was used.
      for (const each of ['iptables', 'ip6tables']) {
        await wire.host.ok([
          `${each}-${iptables}`,
          '-t',
          'mangle',
          '-A',
          'FORWARD',
          '-m',
          'mark',
          '--mark',
          '7',
          '-j',
          'ACCEPT',
        ]);
      }
      backend = await chooseBackend(wire.run, kind);
      all = rows(wire);
    });
    after(() => wire?.close());

    test('a bare Docker host is open on every path', async () => {
      assert.deepEqual(await answers(wire, all, 'bare'), expected(all, 'bare'));
    });

    test('apply() closes them, and keeps what must work', async () => {
      const dump = await ruleDump(wire);
      await backend.apply(RULESET);
      assert.deepEqual(await backend.drift(RULESET), []);
      assert.deepEqual(await answers(wire, all, 'guarded'), expected(all, 'guarded'));
      await backend.apply(RULESET);
      await backend.apply(RULESET, RULESET);
      assert.deepEqual(await backend.drift(RULESET), []);
      await backend.remove();
      assert.equal(await ruleDump(wire), dump);
      await backend.remove();
      await backend.apply(RULESET);
    });

    test('revoking a grant cuts its live connections and no other', async () => {
      const { outside, db } = wire.agents;
      const hold = (agent: Agent, name: string, host: string, port: number): Promise<unknown> =>
        agent.ask({
          op: 'hold',
          name,
          host,
          port,
          ...(agent === outside && { from: '198.51.100.10' }),
        });
      assert.equal(await hold(outside, 'public', '198.51.100.1', 8443), 'web');
      assert.equal(await hold(outside, 'ssh', '198.51.100.1', 22), 'ssh');
      assert.equal(await hold(db, 'egress', '198.51.100.10', 7000), 'internet');
      const alive = (agent: Agent, name: string): Promise<unknown> =>
        agent.ask({ op: 'alive', name });
      assert.equal(await alive(outside, 'public'), true);
      await backend.apply(NO_GRANT, RULESET);
      assert.deepEqual(await backend.drift(NO_GRANT), []);
      assert.equal(await alive(outside, 'public'), false);
      assert.equal(await alive(outside, 'ssh'), true);
      assert.equal(await alive(db, 'egress'), true);
      await backend.apply(RULESET, NO_GRANT);
      assert.deepEqual(await backend.drift(RULESET), []);
      assert.equal(await outside.dial('tcp', '198.51.100.1', 8443, '198.51.100.10'), 'web');
    });

    test('60 full replacements under one packet a millisecond let none through', async (t) => {
      const { outside, db } = wire.agents;
      const known = Number(await db.ask({ op: 'datagrams' }));
      const flooding = new AbortController();
      const flood = outside
        .ask({ op: 'flood', host: '198.51.100.1', port: 5353, ms: 3_000 })
        .finally(() => flooding.abort());
      let replaced = 0;
      for (; !flooding.signal.aborted || replaced < 60; replaced++) {
        await backend.apply(replaced % 2 ? RULESET : NO_GRANT);
      }
      const sent = await flood;
      const leaked = Number(await db.ask({ op: 'datagrams' })) - known;
      t.diagnostic(`${replaced} replacements, ${JSON.stringify(sent)}, ${leaked} let through`);
      assert.equal(leaked, 0);
      await backend.apply(RULESET);
    });

    test('trusted interfaces and sources, single addresses, routed containers', async () => {
      await backend.apply(OTHER_RULESET);
      assert.deepEqual(await backend.drift(OTHER_RULESET), []);
      // DOCKER-USER comes after DNAT: what a trusted interface asked for is not seen any more.
      const others = OTHER_ROWS.filter(({ to }) => kind !== 'docker-user' || to[1] !== '127.0.0.1');
      assert.deepEqual(await answers(wire, others, 'guarded'), expected(others, 'guarded'));
      await backend.apply(RULESET);
    });

    // What DOCKER-USER cannot withstand is one of its gaps.
    if (kind !== 'docker-user') {
      test('rules that others put first, and DNAT that is gone, open nothing', async () => {
        const { host } = wire;
        for (const each of ['iptables', 'ip6tables']) {
          const command = `${each}-${iptables}`;
          await host.ok([command, '-I', 'FORWARD', '1', '-j', 'ACCEPT']);
          await host.ok([command, '-I', 'INPUT', '1', '-j', 'ACCEPT']);
          await host.ok([command, '-t', 'nat', '-F']);
        }
        // Where nothing listens on the host itself, its refusal says nothing about a container.
        const still = all.filter(({ guarded, to }) => guarded === '' && to[2] < 9_998);
        assert.deepEqual(await answers(wire, still, 'guarded'), expected(still, 'guarded'));
      });
    }
  });
}
