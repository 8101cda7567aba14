/**
 * A Docker host built by hand: bridges, containers and Docker 20.10's own rules, without an engine.
 * What each packet meets is then known to the last rule, and a whole host takes a second to make.
 */
import { readdirSync } from 'node:fs';
import { run, type Run } from '../../src/adapters/run.ts';
import { startAgent, type Agent } from './agent.ts';
import { createCleanup, type Cleanup } from './cleanup.ts';
import { namespace } from './lab.ts';
import type { Namespace } from './place.ts';
import { isAlive } from './processes.ts';
import { waitUntil } from './wait-until.ts';

export type Wire = {
  readonly host: Namespace;
  /** Every host of it, the containers too. */
  readonly at: Readonly<Record<'host' | 'outside' | 'second' | 'web' | 'db', Namespace>>;
  /** `Run` inside the host namespace. */
  readonly run: Run;
  readonly agents: Readonly<Record<'host' | 'outside' | 'second' | 'web' | 'db', Agent>>;
  /** The host's link-local address on eth0, with the outside's zone. */
  readonly linkLocal: string;
  readonly close: () => Promise<void>;
};

export type WireOptions = { readonly iptables: 'nft' | 'legacy' };

const PREFIX = 'pcw';
let wires = 0;

/** web 172.17.0.2 (-p 8443:80, meant public), db 172.17.0.3 (-p 8080:80 -p 5353:53/udp -p 127.0.0.1:1234:80). */
export async function openWire({ iptables }: WireOptions): Promise<Wire> {
  await removeLeftovers();
  const wire = ++wires;
  const cleanup = createCleanup();
  try {
    const names = ['host', 'outside', 'second', 'web', 'db'] as const;
    const made = Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [name, await addNamespace(wire, name, cleanup)] as const),
      ),
    );
    const at = (name: (typeof names)[number]): Namespace => {
      const found = made[name];
      if (!found) throw new Error(`no namespace ${name}`);
      return found;
    };
    const host = at('host');
    await cable(host, at('outside'));
    await bridge(host, at);
    await dockerRules(host, iptables);
    const agents = {
      host: startAgent(host.name, cleanup),
      outside: startAgent(at('outside').name, cleanup),
      second: startAgent(at('second').name, cleanup),
      web: startAgent(at('web').name, cleanup),
      db: startAgent(at('db').name, cleanup),
    };
    await listeners(agents);
    // Last: it takes 127.0.0.1 away from its own loopback, which nothing else here needs.
    await secondNic(host, at('second'));
    await linkLocalOf(at('outside'));
    const linkLocal = `${await linkLocalOf(host)}%eth0`;
    return {
      host,
      at: { host, outside: at('outside'), second: at('second'), web: at('web'), db: at('db') },
      agents,
      linkLocal,
      run: (command, args, options) =>
        run('nsenter', [`--net=/run/netns/${host.name}`, '--', command, ...args], options),
      close: () => cleanup.run(),
    };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function addNamespace(wire: number, role: string, cleanup: Cleanup): Promise<Namespace> {
  const name = `${PREFIX}${process.pid}-${wire}-${role}`;
  const { code, stderr } = await run('ip', ['netns', 'add', name]);
  if (code !== 0) throw new Error(`ip netns add ${name}: ${stderr}`);
  cleanup.add(`namespace ${name}`, () => run('ip', ['netns', 'del', name]));
  const made = namespace(name);
  // Without duplicate address detection an address can be used at once.
  await made.ok([
    'sysctl',
    '-qw',
    'net.ipv6.conf.all.accept_dad=0',
    'net.ipv6.conf.default.accept_dad=0',
  ]);
  await made.ok(['ip', 'link', 'set', 'lo', 'up']);
  return made;
}

/** Many commands in one process: `ip -batch`. */
const ip = (where: Namespace, lines: string): Promise<string> =>
  where.ok(['ip', '-batch', '-'], { stdin: lines.replaceAll(/^ +/gm, '').trim() });

async function cable(host: Namespace, outside: Namespace): Promise<void> {
  await run('ip', [
    ...['link', 'add', 'eth0', 'netns', host.name],
    ...['type', 'veth', 'peer', 'name', 'eth0', 'netns', outside.name],
  ]);
  await ip(
    host,
    `addr add 198.51.100.1/24 broadcast 198.51.100.255 dev eth0
     addr add 198.51.100.2/24 broadcast 198.51.100.255 dev eth0
     addr add 2001:db8:1::1/64 dev eth0 nodad
     link set eth0 up`,
  );
  await ip(
    outside,
    `addr add 198.51.100.10/24 broadcast 198.51.100.255 dev eth0
     addr add 198.51.100.66/24 broadcast 198.51.100.255 dev eth0
     addr add 2001:db8:1::10/64 dev eth0 nodad
     addr add 2001:db8:1::66/64 dev eth0 nodad
     link set eth0 up
     route add 172.17.0.0/16 via 198.51.100.1
     route add fd00:17::/64 via 2001:db8:1::1`,
  );
}

async function bridge(host: Namespace, at: (name: 'web' | 'db') => Namespace): Promise<void> {
  await host.ok(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
  await ip(
    host,
    `link add docker0 type bridge
     addr add 172.17.0.1/16 dev docker0
     addr add fd00:17::1/64 dev docker0 nodad
     link set docker0 up`,
  );
  for (const [name, last] of [
    ['web', 2],
    ['db', 3],
  ] as const) {
    await ip(
      host,
      `link add veth${last} type veth peer name eth0 netns ${at(name).name}
       link set veth${last} master docker0
       link set veth${last} up`,
    );
    await ip(
      at(name),
      `addr add 172.17.0.${last}/16 dev eth0
       addr add fd00:17::${last}/64 dev eth0 nodad
       link set eth0 up
       route add default via 172.17.0.1
       route add default via fd00:17::1`,
    );
  }
}

/** What Docker 20.10 writes for these containers, FORWARD left at ACCEPT as where ip_forward was on before. */
async function dockerRules(host: Namespace, variant: 'nft' | 'legacy'): Promise<void> {
  const port = (protocol: string, hostPort: number, to: string, only = ''): string =>
    `-A DOCKER ${only}! -i docker0 -p ${protocol} -m ${protocol} --dport ${hostPort} -j DNAT --to-destination ${to}`;
  const opened = (address: string, protocol: string, containerPort: number): string =>
    `-A DOCKER -d ${address} ! -i docker0 -o docker0 -p ${protocol} -m ${protocol} --dport ${containerPort} -j ACCEPT`;
  const text = (
    local: string,
    subnet: string,
    dnat: readonly string[],
    open: readonly string[],
  ): string => `*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d ${local} -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s ${subnet} ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
${dnat.join('\n')}
COMMIT
*filter
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
${open.join('\n')}
COMMIT
`;
  const v4 = text(
    '127.0.0.0/8',
    '172.17.0.0/16',
    [
      port('tcp', 8443, '172.17.0.2:80'),
      port('tcp', 8080, '172.17.0.3:80'),
      port('udp', 5353, '172.17.0.3:53'),
      port('tcp', 9998, '172.17.0.2:80'),
      port('tcp', 9999, '172.17.0.3:81'),
      port('tcp', 1234, '172.17.0.3:80', '-d 127.0.0.1/32 '),
    ],
    [
      opened('172.17.0.2', 'tcp', 80),
      opened('172.17.0.3', 'tcp', 80),
      opened('172.17.0.3', 'udp', 53),
    ],
  );
  const v6 = text(
    '::1/128',
    'fd00:17::/64',
    [port('tcp', 8443, '[fd00:17::2]:80'), port('tcp', 8080, '[fd00:17::3]:80', '! -s fe80::/10 ')],
    [opened('fd00:17::2', 'tcp', 80), opened('fd00:17::3', 'tcp', 80)],
  );
  await host.ok([`iptables-${variant}-restore`], { stdin: v4 });
  await host.ok([`ip6tables-${variant}-restore`], { stdin: v6 });
}

async function listeners({ host, outside, web, db }: Wire['agents']): Promise<void> {
  await Promise.all([
    web.listen('tcp', '::', 80, 'web'),
    db.listen('tcp', '::', 80, 'db'),
    db.listen('tcp', '::', 81, 'db-81'),
    db.listen('udp', '0.0.0.0', 53, 'db-53'),
    host.listen('tcp', '::', 22, 'ssh'),
    host.listen('tcp', '::', 9000, 'host-network'),
    // Docker's userland proxy, which is what answers where DNAT does not match.
    host.listen('tcp', '::', 8080, 'proxy'),
    host.listen('tcp', '127.0.0.1', 1234, 'db'),
    host.listen('udp', '0.0.0.0', 5354, 'proxy-udp'),
    host.listen('udp', '::', 5354, 'proxy-udp'),
    outside.listen('tcp', '0.0.0.0', 7000, 'internet'),
    outside.listen('udp', '0.0.0.0', 7000, 'internet'),
  ]);
}

/** A second network, whose neighbour asks for 127.0.0.1 and means the host's. */
async function secondNic(host: Namespace, second: Namespace): Promise<void> {
  await run('ip', [
    ...['link', 'add', 'wg0', 'netns', host.name],
    ...['type', 'veth', 'peer', 'name', 'eth0', 'netns', second.name],
  ]);
  await ip(host, `addr add 203.0.113.1/24 dev wg0\nlink set wg0 up`);
  await ip(
    second,
    `addr add 203.0.113.10/24 dev eth0
     link set eth0 up
     route add 172.17.0.0/16 via 203.0.113.1`,
  );
  await second.ok(['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  await ip(
    second,
    `addr del 127.0.0.1/8 dev lo
     route del table local 127.0.0.0/8 dev lo
     route add 127.0.0.1/32 via 203.0.113.1 src 203.0.113.10`,
  ).catch(() => ip(second, `route add 127.0.0.1/32 via 203.0.113.1 src 203.0.113.10`));
}

/** The kernel tells IPv6 of a new link up to a second late. */
const linkLocalOf = (where: Namespace): Promise<string> =>
  waitUntil(`eth0 of ${where.name} has a link-local address`, async () => {
    const addresses = await where.ok(['ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'link']);
    return /fe80::[0-9a-f:]+/.exec(addresses)?.[0];
  });

/** Namespaces whose owner was killed. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync('/run/netns')) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await run('ip', ['netns', 'del', name]);
  }
}
