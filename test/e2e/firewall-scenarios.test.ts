/** Packets of unusual kinds, on hosts that others have set up strangely, against every backend. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { chooseBackend } from '../../src/adapters/choose-backend.ts';
import type { FirewallBackend } from '../../src/adapters/firewall-backend.ts';
import type { Ruleset } from '../../src/core/firewall/ruleset.ts';
import { put } from '../lab/files.ts';
import type { Namespace } from '../lab/place.ts';
import { requireLab } from '../lab/requirements.ts';
import { openWire, type Wire } from '../lab/wire.ts';

requireLab();

const held = (
  protocol: 'tcp' | 'udp',
  port: number,
  address?: string,
): Ruleset['held'][number] => ({
  protocol,
  port,
  address,
});
const RULESET: Ruleset = {
  bridges: ['docker0'],
  trustedInterfaces: [],
  trustedSources: [],
  held: [
    ...[7300, 8080, 8443, 9000].map((port) => held('tcp', port)),
    ...[5353, 5354, 5355].map((port) => held('udp', port)),
  ],
  grants: [
    {
      protocol: 'udp',
      port: 5355,
      address: undefined,
      sources: ['198.51.100.10/32'],
      endpoints: [{ address: '172.17.0.3', port: 53 }],
    },
  ],
  routed: [],
};
const NO_GRANT: Ruleset = { ...RULESET, grants: [] };

/** One perl process: the base system of Debian has it, and it opens raw sockets. */
const perl = async (
  where: Namespace,
  script: string,
  ...args: readonly string[]
): Promise<string> => {
  const { code, stdout, stderr } = await where.run([
    'perl',
    '-MSocket=:all',
    '-e',
    script,
    ...args,
  ]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
};

/** Prints how many packets of an IP protocol come in within a second. */
const LISTEN_RAW = `socket(my $s, AF_INET, SOCK_RAW, $ARGV[0]) or die $!; my $n = 0;
for (1 .. 9) { my $r = ''; vec($r, fileno($s), 1) = 1; next unless select($r, undef, undef, 0.1); recv($s, my $b, 999, 0); $n++ } print $n`;
/** An SCTP INIT to port 80, or whatever the protocol makes of these bytes. */
const SEND_RAW = `socket(my $s, AF_INET, SOCK_RAW, $ARGV[0]) or die $!; my $to = pack_sockaddr_in(0, inet_aton($ARGV[1]));
my $init = pack('nnNN C C n N N n n N', 40000, 80, 0, 0, 1, 0, 20, 7, 65535, 1, 1, 1);
for (1 .. 5) { send($s, $init, 0, $to); select(undef, undef, undef, 0.04) }`;

async function rawPackets({ at }: Wire, protocol: number, address: string): Promise<boolean> {
  const heard = perl(at.db, LISTEN_RAW, String(protocol));
  await delay(250);
  await perl(at.outside, SEND_RAW, String(protocol), address);
  return Number(await heard) > 0;
}

/** Opens a TCP connection whose packets carry an IPv6 extension header, and prints what is said first. */
const DIAL_WITH_OPTIONS = `my ($option, $to, $port) = @ARGV; socket(my $s, AF_INET6, SOCK_STREAM, 0) or die $!;
setsockopt($s, 41, $option, pack('C8', 0, 0, 1, 4, 0, 0, 0, 0)) or die "option: $!";
$SIG{ALRM} = sub { exit }; alarm 1;
connect($s, pack_sockaddr_in6($port, inet_pton(AF_INET6, $to))) or exit; sysread($s, my $said, 99); print $said`;
const HOP_BY_HOP = '54';
const DESTINATION = '59';

/** Dials from a port of its own choice. */
const DIAL_FROM_PORT = `my ($type, $from, $to, $port) = @ARGV; socket(my $s, AF_INET, $type eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, 0) or die $!;
setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, pack_sockaddr_in($from, INADDR_ANY)) or die $!;
$SIG{ALRM} = sub { exit }; alarm 1;
connect($s, pack_sockaddr_in($port, inet_aton($to))) or exit; syswrite($s, '?') if $type eq 'udp'; sysread($s, my $said, 99); print $said`;

/** A datagram that must not be cut into fragments (IP_MTU_DISCOVER). */
const SEND_LARGE = `socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!; setsockopt($s, 0, 10, pack('i', 2)) or die $!;
connect($s, pack_sockaddr_in(7009, inet_aton($ARGV[0]))); syswrite($s, 'x' x 1400); select(undef, undef, undef, 0.2)`;

type Case = {
  readonly title: string;
  /** What others do to the host first. */
  readonly first?: readonly string[];
  readonly undo?: readonly string[];
  readonly knock: (wire: Wire) => Promise<unknown>;
  readonly bare: unknown;
  readonly guarded: unknown;
};

const BOTH = (rule: string): readonly string[] => [`iptables ${rule}`, `ip6tables ${rule}`];
const UNTRACKED = ['eth0', 'docker0'].flatMap((name) =>
  BOTH(`-t raw -A PREROUTING -i ${name} -j CT --notrack`),
);
const dial = (
  wire: Wire,
  protocol: 'tcp' | 'udp',
  host: string,
  port: number,
  bytes = 1,
): Promise<unknown> =>
  wire.agents.outside.ask({ op: 'dial', protocol, host, port, bytes, orConnected: true });

const CASES: readonly Case[] = [
  ...[132, 200].map((protocol): Case => ({
    title: `IP protocol ${protocol}${protocol === 132 ? ' (SCTP)' : ''} to a container’s address`,
    knock: (wire) => rawPackets(wire, protocol, '172.17.0.3'),
    bare: true,
    guarded: false,
  })),
  {
    title: 'SCTP to a published port',
    first: [
      // These packets have no right checksum, which conntrack would refuse.
      'sysctl -qw net.netfilter.nf_conntrack_checksum=0',
      'iptables -t nat -A DOCKER ! -i docker0 -p sctp --dport 80 -j DNAT --to-destination 172.17.0.3',
    ],
    undo: [
      'iptables -t nat -D DOCKER ! -i docker0 -p sctp --dport 80 -j DNAT --to-destination 172.17.0.3',
    ],
    knock: (wire) => rawPackets(wire, 132, '198.51.100.1'),
    bare: true,
    guarded: false,
  },
  {
    title: 'fragments to a published UDP port',
    knock: (wire) => dial(wire, 'udp', '198.51.100.1', 5353, 4_000),
    bare: 'db-53',
    guarded: '',
  },
  {
    title: 'fragments to a container’s address',
    knock: (wire) => dial(wire, 'udp', '172.17.0.3', 53, 4_000),
    bare: 'db-53',
    guarded: '',
  },
  {
    title: 'fragments to a container’s IPv6 address',
    knock: (wire) => dial(wire, 'udp', 'fd00:17::3', 54, 4_000),
    bare: 'db6-54',
    guarded: '',
  },
  {
    title: 'fragments to a public UDP port',
    knock: (wire) => dial(wire, 'udp', '198.51.100.1', 5355, 4_000),
    bare: 'db-53',
    guarded: 'db-53',
  },
  ...(
    [
      ['a published port', '2001:db8:1::1', 8080, 'db'],
      ['a container’s address', 'fd00:17::3', 80, 'db'],
      ['a host-network port', '2001:db8:1::1', 9000, 'host-network'],
    ] as const
  ).flatMap(([what, address, port, says]) =>
    (
      [
        ['destination options', DESTINATION],
        ['hop-by-hop options', HOP_BY_HOP],
      ] as const
    ).map(([header, option]): Case => ({
      title: `IPv6 ${header} to ${what}`,
      knock: ({ at }) => perl(at.outside, DIAL_WITH_OPTIONS, option, address, String(port)),
      bare: says,
      guarded: '',
    })),
  ),
  {
    title: 'IPv6 destination options to SSH',
    knock: ({ at }) => perl(at.outside, DIAL_WITH_OPTIONS, DESTINATION, '2001:db8:1::1', '22'),
    bare: 'ssh',
    guarded: 'ssh',
  },
  ...(
    [
      ['a published port', 'tcp', '198.51.100.1', 8080, 'proxy'],
      ['a published port over IPv6', 'tcp', '2001:db8:1::1', 8080, 'proxy'],
      ['a container’s address', 'tcp', '172.17.0.3', 80, 'connected'],
      ['a container’s IPv6 address', 'tcp', 'fd00:17::3', 80, 'connected'],
      ['a host-network port', 'tcp', '198.51.100.1', 9000, 'host-network'],
    ] as const
  ).map(([what, protocol, host, port, says]): Case => ({
    title: `connection tracking switched off: ${what}`,
    first: UNTRACKED,
    undo: UNTRACKED.map((rule) => rule.replace(' -A ', ' -D ')),
    // With masquerading the answer of a container may be rewritten: that it came is enough.
    knock: async (wire) => {
      const heard = await dial(wire, protocol, host, port);
      return says === 'connected' && heard !== '' ? 'connected' : heard;
    },
    bare: says,
    guarded: '',
  })),
  {
    title: 'connection tracking switched off: SSH',
    first: UNTRACKED,
    undo: UNTRACKED.map((rule) => rule.replace(' -A ', ' -D ')),
    knock: (wire) => dial(wire, 'tcp', '198.51.100.1', 22),
    bare: 'ssh',
    guarded: 'ssh',
  },
  {
    title: 'an address of one card asked for by another',
    first: [
      'iptables -t nat -A DOCKER -d 203.0.113.1/32 ! -i docker0 -p tcp --dport 7300 -j DNAT --to-destination 172.17.0.3:80',
    ],
    undo: [
      'iptables -t nat -D DOCKER -d 203.0.113.1/32 ! -i docker0 -p tcp --dport 7300 -j DNAT --to-destination 172.17.0.3:80',
    ],
    knock: async (wire) => {
      await wire.at.outside.run([
        'ip',
        'route',
        'replace',
        '203.0.113.1/32',
        'via',
        '198.51.100.1',
      ]);
      return dial(wire, 'tcp', '203.0.113.1', 7300);
    },
    bare: 'db',
    guarded: '',
  },
  ...(
    [
      ['a published port', '198.51.100.1', 8080, 'db'],
      ['a host-network port', '198.51.100.1', 9000, 'host-network'],
      ['a container’s address, unpublished port', '172.17.0.3', 81, ''],
    ] as const
  ).map(([what, host, port, says]): Case => ({
    title: `FORWARD closed by its policy: ${what}`,
    first: BOTH('-P FORWARD DROP'),
    undo: BOTH('-P FORWARD ACCEPT'),
    knock: (wire) => dial(wire, 'tcp', host, port),
    bare: says,
    guarded: '',
  })),
  ...(
    [
      ['tcp', 8080],
      ['udp', 5353],
    ] as const
  ).map(([protocol, port]): Case => ({
    title: `a container -> internet from ${port}/${protocol}, which the host publishes`,
    knock: ({ at }) => perl(at.db, DIAL_FROM_PORT, protocol, String(port), '198.51.100.10', '7000'),
    bare: 'internet',
    guarded: 'internet',
  })),
  {
    title: 'a container’s large packets where the next link is narrow',
    first: ['ip link set eth0 mtu 1300'],
    undo: ['ip link set eth0 mtu 1500'],
    knock: async ({ at }) => {
      // The ICMP error tells how large a packet may be.
      await perl(at.db, SEND_LARGE, '198.51.100.10');
      const learnt = await at.db.ok(['ip', 'route', 'get', '198.51.100.10']);
      return /mtu (\d+)/.exec(learnt)?.[1] ?? 'none';
    },
    bare: '1300',
    guarded: '1300',
  },
];

describe('unusual packets and strange hosts', { concurrency: 3 }, () => {
  for (const kind of ['nftables', 'iptables', 'docker-user'] as const) {
    describe(kind, { concurrency: 1 }, () => {
      let wire: Wire;
      let backend: FirewallBackend;
      const folder = mkdtempSync(join(tmpdir(), 'portcullis-scenarios-'));
      after(() => rmSync(folder, { recursive: true }));
      before(async () => {
        wire = await openWire({ iptables: 'nft' });
        backend = await chooseBackend(wire.run, kind);
        await wire.agents.db.listen('udp', '::', 54, 'db6-54');
        const grant =
          '-t nat -A DOCKER ! -i docker0 -p udp --dport 5355 -j DNAT --to-destination 172.17.0.3:53';
        await wire.host.ok(['sh', '-ec', `iptables ${grant}`]);
      });
      after(() => wire?.close());

      const set = (lines: readonly string[] = []): Promise<string> =>
        wire.host.ok(['sh', '-ec', lines.join('\n')]);

      for (const { title, first, undo, knock, bare, guarded } of CASES) {
        test(title, async () => {
          await set(first);
          try {
            assert.deepEqual(await knock(wire), bare, 'on a bare Docker host');
            await backend.apply(RULESET);
            assert.deepEqual(await knock(wire), guarded, 'behind the firewall');
          } finally {
            await backend.remove();
            await set(undo);
          }
        });
      }

      test('a UDP session ends with its grant', async () => {
        await backend.apply(RULESET);
        const { outside } = wire.agents;
        const session = {
          name: 'udp',
          protocol: 'udp',
          host: '198.51.100.1',
          port: 5355,
          from: '198.51.100.10',
        } as const;
        assert.equal(await outside.ask({ op: 'hold', ...session }), 'db-53');
        assert.equal(await outside.ask({ op: 'alive', name: 'udp' }), true);
        await backend.apply(NO_GRANT, RULESET);
        assert.equal(await outside.ask({ op: 'alive', name: 'udp' }), false);
        await backend.apply(RULESET, NO_GRANT);
        assert.equal(await outside.ask({ op: 'alive', name: 'udp' }), true);
        await backend.remove();
      });

      test('killed at any moment of an apply, it leaves no gap and nothing half done', async (t) => {
        await backend.apply(NO_GRANT);
        const file = await put(
          join(folder, `${kind}.json`),
          JSON.stringify([NO_GRANT, { ...NO_GRANT, held: RULESET.held.slice(1) }]),
        );
        const { outside, db } = wire.agents;
        const known = Number(await db.ask({ op: 'datagrams' }));
        const flood = outside.ask({ op: 'flood', host: '198.51.100.1', port: 5353, ms: 4_000 });
        const over = new AbortController();
        void flood.then(() => over.abort());
        let kills = 0;
        for (; !over.signal.aborted; kills++) {
          const loop = wire.host.start(
            [process.execPath, join(import.meta.dirname, '..', 'lab', 'apply-loop.js'), kind, file],
            process.env,
          );
          await delay(250 + ((kills * 37) % 120));
          process.kill(loop.pid, 'SIGKILL');
          await loop.ended;
        }
        await flood;
        const leaked = Number(await db.ask({ op: 'datagrams' })) - known;
        t.diagnostic(`${kind}: killed ${kills} times, ${leaked} of 4,000 packets let through`);
        assert.ok(kills > 5);
        assert.equal(leaked, 0);
        await backend.apply(RULESET);
        assert.deepEqual(await backend.drift(RULESET), []);
        await backend.remove();
      });

      test('what no rule of the host can close is said', () => {
        assert.ok(backend.gaps.some((gap) => gap.startsWith('macvlan and ipvlan containers')));
        assert.ok(backend.gaps.some((gap) => gap.includes('port of a container bridge')));
      });
    });
  }
});
