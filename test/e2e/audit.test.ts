/** `audit` and `audit --probe` on a real engine, held against connects and an nmap from an outside host. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '../../src/core/exposure/exposure.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, HOST_V6, openLab, OUTSIDE_V4, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let outside: Agent;
let linkLocal = '';
let major = 0;
const addresses = new Map<string, { v4: string; v6: string }>();

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({ args: ['--ipv6', '--fixed-cidr-v6', 'fd00:dead:beef::/48'] });
  major = Number.parseInt(await engine.docker('version', '-f', '{{.Server.Version}}'), 10);
  const says = (name: string, port = 80): readonly string[] => [
    ...['/bin/nc', '-ll', '-p', String(port), '-e', '/bin/echo', name],
  ];
  await engine.run({ name: 'open', ports: ['8080:80', '5300:53/udp'], command: says('open') });
  await engine.run({ name: 'loop', ports: ['127.0.0.1:1234:80'], command: says('loop') });
  await engine.run({
    name: 'pub',
    ports: ['8443:80'],
    labels: { 'portcullis.public': 'true' },
    command: says('pub'),
  });
  await engine.run({
    name: 'onhost',
    network: 'host',
    labels: { 'portcullis.port': '9000' },
    args: ['--expose', '9000'],
    command: says('onhost', 9000),
  });
  for (const name of ['open', 'loop', 'pub']) {
    const format =
      '{{.NetworkSettings.Networks.bridge.IPAddress}} {{.NetworkSettings.Networks.bridge.GlobalIPv6Address}}';
    const [v4 = '', v6 = ''] = (await engine.docker('inspect', '-f', format, name)).split(' ');
    addresses.set(name, { v4, v6 });
  }
  const shown = await lab.host.ok(['ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'link']);
  linkLocal = /fe80::[0-9a-f:]+/.exec(shown)?.[0] ?? '';
  await lab.outside.ok(['ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_V4]);
  await lab.outside.ok(['ip', '-6', 'route', 'add', 'fd00:dead:beef::/48', 'via', HOST_V6]);
  await lab.outside.ok(['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  await lab.outside.ok(['ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo']);
  const neighbour = ['ip', 'route', 'add', '127.0.0.1/32', 'via', HOST_V4, 'src', OUTSIDE_V4];
  await lab.outside.ok(neighbour);
  outside = startAgent(lab.outside.name, lab.cleanup);
});
after(() => lab.close());

async function settings(backend: string): Promise<string> {
  const text = `firewall: { backend: ${backend}, state_dir: ${join(lab.folder, 'state')} }\n`;
  return put(join(lab.folder, `${backend}.yaml`), text);
}

async function portcullis(backend: string, ...args: readonly string[]) {
  return lab.portcullis(['--config', await settings(backend), '--docker', engine.url, ...args]);
}

type Result = {
  readonly findings: readonly Finding[];
  readonly disagreements: readonly unknown[];
  readonly notes: readonly string[];
};

async function audited(backend: string, ...args: readonly string[]): Promise<Result> {
  const { code, stdout, stderr } = await portcullis(backend, 'audit', '--json', ...args);
  assert.ok(stdout.startsWith('{'), stderr);
  const answer: Result = JSON.parse(stdout);
  assert.equal(code, answer.findings.some(({ verdict }) => verdict === 'open') ? 3 : 0);
  assert.deepEqual([answer.disagreements, answer.notes], [[], []], stdout);
  return answer;
}

function targetOf({ container, port, bind, path }: Finding): [address: string, port: number] {
  const published = Number(bind.split(':').at(-1));
  const at = addresses.get(container);
  switch (path) {
    case 'published-v4':
    case 'userland-proxy-v4':
      return [HOST_V4, published];
    case 'published-v6':
      return [HOST_V6, published];
    case 'userland-proxy-v6':
      return [`${linkLocal}%eth0`, published];
    case 'loopback-neighbour':
      return ['127.0.0.1', published];
    case 'host-network':
      return [HOST_V4, port];
    case 'direct-v4':
      return [at?.v4 ?? '', port];
    case 'direct-v6':
    case 'macvlan':
    case 'swarm-ingress':
    default:
      return [at?.v6 ?? '', port];
  }
}

/** What the host holds, without the counters of Docker's rules. */
async function traces(): Promise<string> {
  const rules = await lab.host.ok(['nft', 'list', 'ruleset']);
  const links = await lab.host.ok(['ip', '-o', 'link']);
  const routes = await lab.host.ok(['ip', 'route']);
  return `${rules.replace(/counter packets \d+ bytes \d+/g, '')}\n${links}\n${routes}`;
}

const isReached = ({ verdict }: Finding): boolean => verdict === 'open' || verdict === 'public';

/** What `audit` says with and without packets, an outside host's own connects and its nmap: all the same. */
async function agrees(backend: string): Promise<readonly Finding[]> {
  const clean = await traces();
  const [byRules, byPackets] = [await audited(backend), await audited(backend, '--probe')];
  await waitUntil('nothing is left behind', async () => (await traces()) === clean);
  assert.deepEqual(
    byRules.findings.filter((finding) => finding.proven || !finding.certain),
    [],
  );
  const verdicts = ({ findings }: Result): readonly unknown[] =>
    findings.map(({ container, port, protocol, path, verdict }) => [
      container,
      port,
      protocol,
      path,
      verdict,
    ]);
  assert.deepEqual(verdicts(byRules), verdicts(byPackets));
  const tcp = byPackets.findings.filter(({ protocol }) => protocol === 'tcp');
  await Promise.all(
    tcp.map(async (finding) => {
      let said = await outside.dial('tcp', ...targetOf(finding));
      // A dial waits 400 ms only, and a greeting was once later than that: ask again.
      if (isReached(finding) && said === '') said = await outside.dial('tcp', ...targetOf(finding));
      if (said === 'refused') said = ''; // by a rule that rejects
      assert.equal(
        said.trim(),
        isReached(finding) ? finding.container : '',
        JSON.stringify(finding),
      );
    }),
  );
  for (const [path, flags, address] of [
    [/^(published|userland-proxy)-v4|^host-network/, [], HOST_V4],
    [/^published-v6|^host-network/, ['-6'], HOST_V6],
  ] as const) {
    const said = byRules.findings
      .filter(
        (finding) => finding.protocol === 'tcp' && path.test(finding.path) && isReached(finding),
      )
      .map((finding) => targetOf(finding)[1]);
    assert.deepEqual(
      await nmap(flags, address),
      [...new Set(said)].toSorted((a, b) => a - b),
      address,
    );
  }
  return byPackets.findings;
}

/** Packets get lost where the machine is busy, and nmap then misses a port: what it finds slowly counts. */
const SPEEDS = [
  ['-T5', '--min-rate', '20000', '--max-retries', '2'],
  ['-T4', '--min-rate', '5000', '--max-retries', '6'],
  ['-T4', '--min-rate', '2000', '--max-retries', '10'],
];

/** Every open TCP port of an address, as an outside host's nmap finds it, and `--compare-nmap` agrees. */
async function nmap(flags: readonly string[], address: string): Promise<readonly number[]> {
  const file = join(lab.folder, 'nmap.xml');
  let differences: unknown = 'nmap did not end';
  for (const speed of SPEEDS) {
    const scan = ['nmap', ...flags, '-n', '-Pn', '-sS', '-p-', ...speed, '-oX', file, address];
    const { code } = await lab.outside.run(scan, { timeoutMs: 120_000 });
    if (code !== 0) continue;
    const { stdout, stderr } = await portcullis('auto', 'audit', '--json', '--compare-nmap', file);
    assert.ok(stdout.startsWith('{'), stderr);
    const { nmap: met }: { nmap: readonly unknown[] } = JSON.parse(stdout);
    differences = met;
    if (met.length === 0) break;
  }
  assert.deepEqual(differences, [], 'what audit says of nmap’s own file');
  const shown = await readFile(file, 'utf8');
  return [...shown.matchAll(/portid="(\d+)"><state state="open"/g)].map(([, port]) => Number(port));
}

const proven = (found: readonly Finding[]): readonly Finding[] =>
  found.filter((finding) => finding.proven);

test('without a firewall everything is open, and connects and nmap agree', async () => {
  const found = await agrees('auto');
  const paths = new Set(found.map(({ path }) => path));
  assert.deepEqual([...paths].toSorted(), [
    ...['direct-v4', 'direct-v6', 'host-network', 'loopback-neighbour'],
    ...['published-v4', 'published-v6', 'userland-proxy-v6'],
  ]);
  const tcp = found.filter(({ protocol }) => protocol === 'tcp');
  if (major < 28) assert.ok(tcp.every(({ verdict }) => verdict !== 'closed'));
  assert.ok(tcp.every((finding) => finding.proven));
  assert.ok(found.some(({ fix }) => fix?.includes('portcullis firewall apply')));
});

for (const backend of ['nftables', 'iptables', 'docker-user']) {
  test(`with ${backend} only the public port is open, and connects and nmap agree`, async () => {
    const { code, stderr } = await portcullis(backend, 'firewall', 'apply', '--yes');
    assert.equal(code, 0, stderr);
    const found = await agrees(backend);
    const reached = found.filter(({ verdict }) => verdict !== 'closed');
    assert.ok(reached.length > 0);
    for (const { container, verdict } of reached) {
      assert.deepEqual([container, verdict], ['pub', 'public']);
    }
    assert.ok(proven(found).length > 10);
    await portcullis(backend, 'firewall', 'remove', '--yes');
  });
}

/** Rules as others write them; each closes and opens other paths. */
const STRANGE_RULES: readonly (readonly [
  title: string,
  rules: readonly string[],
  undo: readonly string[],
])[] = [
  [
    'the naive rule',
    ['iptables -I DOCKER-USER -i eth0 ! -s 127.0.0.1 -j DROP'],
    ['iptables -D DOCKER-USER -i eth0 ! -s 127.0.0.1 -j DROP'],
  ],
  [
    'the naive rule, and an ACCEPT in front',
    [
      'iptables -I DOCKER-USER -i eth0 ! -s 127.0.0.1 -j DROP',
      'iptables -I FORWARD -i eth0 -j ACCEPT',
    ],
    [
      'iptables -D DOCKER-USER -i eth0 ! -s 127.0.0.1 -j DROP',
      'iptables -D FORWARD -i eth0 -j ACCEPT',
    ],
  ],
  [
    'a table of nft by hand',
    [
      'nft add table inet hand',
      'nft add set inet hand closed { type inet_service \\; elements = { 8080, 9000 } \\; }',
      'nft add chain inet hand early { type filter hook prerouting priority -160 \\; }',
      'nft add rule inet hand early ct direction reply accept',
      'nft add rule inet hand early iifname eth0 tcp dport @closed drop',
      'nft add chain inet hand forward { type filter hook forward priority 10 \\; }',
      'nft add rule inet hand forward ip6 daddr fd00:dead:beef::/48 ct state new reject',
    ],
    ['nft delete table inet hand'],
  ],
  [
    'a DNAT of somebody else',
    ['iptables -t nat -I PREROUTING -p tcp --dport 7777 -j DNAT --to-destination ADDRESS:80'],
    ['iptables -t nat -D PREROUTING -p tcp --dport 7777 -j DNAT --to-destination ADDRESS:80'],
  ],
  ['Docker’s DNAT gone', ['iptables -t nat -F DOCKER'], []],
];

for (const [title, rules, undo] of STRANGE_RULES) {
  test(`with ${title}: rules, packets, connects and nmap agree`, async () => {
    const saved = await lab.host.ok(['iptables-save', '-t', 'nat']);
    const sh = (lines: readonly string[]): Promise<string> =>
      lab.host.ok([
        'sh',
        '-ec',
        lines.join('\n').replaceAll('ADDRESS', addresses.get('loop')?.v4 ?? ''),
      ]);
    await sh(rules);
    try {
      const found = await agrees('auto');
      if (title.includes('somebody')) {
        const own = found.find(({ bind }) => bind === '*:7777');
        assert.deepEqual([own?.container, own?.verdict], ['loop', 'open']);
        assert.match(own?.reason ?? '', /sent on by table ip nat: -A PREROUTING/);
      }
      if (title.includes('gone') && major < 28) {
        assert.ok(
          found.some(({ path, verdict }) => path === 'userland-proxy-v4' && verdict === 'open'),
        );
      }
    } finally {
      await sh(undo);
      await lab.host.ok(['iptables-restore', '-T', 'nat'], { stdin: saved });
    }
  });
}

/** ufw writes into /etc/ufw: it gets a copy of its own. */
const ufw = (command: string): readonly string[] => [
  ...['unshare', '-m', 'sh', '-ec'],
  `[ -d "$0" ] || cp -a /etc/ufw "$0"; mount --bind "$0" /etc/ufw; { ${command}; } >/dev/null; umount /etc/ufw`,
  join(lab.folder, 'ufw'),
];

test('with ufw enabled: rules, packets, connects and nmap agree', async () => {
  await lab.host.ok(ufw('ufw allow 22/tcp && ufw --force enable'));
  try {
    const found = await agrees('auto');
    const open = new Set(found.filter(({ verdict }) => verdict === 'open').map(({ path }) => path));
    assert.ok(open.has('published-v4'), 'Docker walks past ufw');
    assert.ok(!open.has('host-network'), 'ufw closes what is the host’s own');
  } finally {
    await lab.host.ok(ufw('ufw --force disable'));
  }
});

test('a rule that is not understood is said, never guessed', async () => {
  const rule = [
    '-i',
    'eth0',
    '-m',
    'statistic',
    '--mode',
    'random',
    '--probability',
    '0.5',
    '-j',
    'DROP',
  ];
  await lab.host.ok(['iptables', '-I', 'DOCKER-USER', ...rule]);
  try {
    const { stdout } = await portcullis('auto', 'audit', '--json');
    const { findings }: Result = JSON.parse(stdout);
    const unclear = findings.filter(({ certain }) => !certain);
    assert.ok(unclear.length > 0);
    for (const { verdict, reason } of unclear) {
      assert.equal(verdict, 'open');
      assert.match(reason, /cannot be judged: -A DOCKER-USER -i eth0 -m statistic/);
    }
  } finally {
    await lab.host.ok(['iptables', '-D', 'DOCKER-USER', ...rule]);
  }
});

test('a card in a bridge, a macvlan container, a public-from, a UDP answer', async () => {
  await lab.host.ok(['ip', 'tuntap', 'add', 'dev', 'tap9', 'mode', 'tap']);
  await lab.host.ok(['ip', 'link', 'set', 'tap9', 'master', 'docker0']);
  await engine.docker(
    'network',
    'create',
    '-d',
    'macvlan',
    '-o',
    'parent=eth0',
    '--subnet',
    '198.51.100.0/24',
    'wire',
  );
  await engine.run({ name: 'beside', network: 'wire', args: ['--expose', '80'] });
  await engine.run({
    name: 'some',
    ports: ['8600:80'],
    labels: { 'portcullis.public': 'true', 'portcullis.public-from': '192.0.2.0/24' },
  });
  // The machine's perl answers datagrams; busybox speaks no UDP.
  await engine.run({
    name: 'dns',
    ports: ['5400:53/udp'],
    args: ['-v', '/:/machine:ro'],
    command: ['/bin/busybox', 'chroot', '/machine', 'perl', '-e', UDP_SERVER],
  });
  try {
    const { stdout } = await portcullis('auto', 'audit', '--probe', '--json');
    const result: Result & { host_findings: readonly { what: string; name: string }[] } =
      JSON.parse(stdout);
    assert.deepEqual(
      result.host_findings.map(({ what, name }) => `${what} ${name}`),
      ['bridge-member tap9', 'macvlan beside'],
    );
    const of = (container: string, path: string): Finding | undefined =>
      result.findings.find((each) => each.container === container && each.path === path);
    assert.equal(of('beside', 'macvlan')?.verdict, 'unguardable');
    assert.equal(
      of('some', 'published-v4')?.verdict,
      'open',
      'from everywhere, as no firewall is there',
    );
    const udp = of('dns', 'published-v4');
    assert.deepEqual([udp?.verdict, udp?.proven], ['open', true]);
    assert.equal((await portcullis('nftables', 'firewall', 'apply', '--yes')).code, 0);
    const guarded: Result = JSON.parse(
      (await portcullis('nftables', 'audit', '--probe', '--json')).stdout,
    );
    const verdict = (container: string): string | undefined =>
      guarded.findings.find((each) => each.container === container && each.path === 'published-v4')
        ?.verdict;
    assert.deepEqual(['some', 'dns'].map(verdict), ['public', 'closed']);
  } finally {
    await portcullis('nftables', 'firewall', 'remove', '--yes');
    await engine.docker('rm', '-f', 'beside', 'some', 'dns');
    await engine.docker('network', 'rm', 'wire');
    await lab.host.ok(['ip', 'link', 'del', 'tap9']);
  }
});

const UDP_SERVER = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 53) or die;
while (defined $s->recv(my $x, 99)) { $s->send("dns\n") }`;

test('other formats, and files that nmap did not write', async () => {
  const sarif = JSON.parse((await portcullis('auto', 'audit', '--format', 'sarif')).stdout);
  assert.ok(sarif.runs[0].results.length > 3);
  const metrics = await portcullis('auto', 'audit', '--format', 'prometheus');
  assert.equal(metrics.code, 3);
  assert.match(metrics.stdout, /^portcullis_audit_open\{container="open",.*\} 1$/m);
  for (const [name, text, reason] of [
    ['none.xml', undefined, /no such file/],
    ['text.xml', 'Starting Nmap 7.93', /is not what "nmap -oX" writes/],
    ['other.xml', '<html></html>', /its root is <html>, not <nmaprun>/],
    ['cut.xml', '<nmaprun><host><address addr="192.0.2.1" addrtype="ipv4"/>', /is not what/],
    ['empty.xml', '<nmaprun></nmaprun>', /it names no host/],
  ] as const) {
    const file = join(lab.folder, name);
    if (text !== undefined) await put(file, text);
    const { code, stderr, stdout } = await portcullis('auto', 'audit', '--compare-nmap', file);
    assert.deepEqual([code, stdout], [2, ''], name);
    assert.match(stderr, reason);
  }
  const both = await portcullis('auto', 'audit', '--json', '--format', 'sarif');
  assert.equal(both.code, 2);
});

test('killed in the middle it leaves nothing behind', async () => {
  const clean = await traces();
  const args = ['--config', await settings('auto'), '--docker', engine.url];
  const started = lab.startPortcullis([...args, 'audit', '--probe']);
  await waitUntil('the stranger is there', async () => / pcs\d/.test(await traces()));
  process.kill(started.pid, 'SIGKILL');
  await waitUntil('nothing is left behind', async () => (await traces()) === clean);
});

test('the table fits 80 columns', async () => {
  const { stdout } = await portcullis('auto', 'audit');
  assert.match(stdout, /^\d+ of \d+ paths are open, 0 shown by packets\n/);
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  );
});
