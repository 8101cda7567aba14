/** The firewall of the real program on a real engine, judged by packets from an outside host. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunResult } from '../../src/adapters/run.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { bytesBelow, put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import {
  HOST2_V4,
  HOST_V4,
  HOST_V6,
  openLab,
  OUTSIDE2_V4,
  OUTSIDE_V4,
  type Lab,
  type Watching,
} from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let outside: Agent;
let host: Agent;
let untouched = '';
const addresses = { loop4: '', loop6: '', hostLinkLocal: '' };

const says = (name: string): readonly string[] => [
  '/bin/nc',
  '-ll',
  '-p',
  '80',
  '-e',
  '/bin/echo',
  name,
];

before(async () => {
  lab = await openLab({ secondNic: true });
  // As 20.10 comes: addresses of its own in IPv6, and no rules for them.
  engine = await lab.startEngine({
    args: ['--ipv6', '--fixed-cidr-v6', 'fd00:dead:beef::/48', '--shutdown-timeout', '1'],
  });
  nginx = await lab.startNginx();
  major = Number.parseInt(await engine.docker('version', '-f', '{{.Server.Version}}'), 10);
  const route = { 'portcullis.enable': 'true' };
  await engine.run({ name: 'open', ports: ['8080:80'], command: says('open') });
  await engine.run({
    name: 'loop',
    ports: ['127.0.0.1:1234:80'],
    labels: route,
    command: ['/bin/httpd', '-f', '-p', '80', '-h', '/www'],
  });
  await engine.run({ name: 'inner', ports: ['127.0.0.1:1235:80'], command: says('inner') });
  await engine.run({
    name: 'pub',
    ports: ['8443:80'],
    labels: {
      'portcullis.public': 'true',
      'portcullis.public-from': `${OUTSIDE_V4}/32,2001:db8:1::/64`,
    },
    command: says('pub'),
  });
  await engine.run({
    name: 'both',
    ports: ['8500:80', '8501:80'],
    labels: { 'portcullis.public': '8500/tcp' },
    command: says('both'),
  });
  // Busybox speaks no UDP; the machine's perl does.
  await engine.run({
    name: 'dns',
    ports: ['4000:53/udp'],
    args: ['-v', '/:/machine:ro'],
    command: ['/bin/busybox', 'chroot', '/machine', 'perl', '-e', UDP_SERVER],
  });
  await engine.run({
    name: 'onhost',
    network: 'host',
    labels: { 'portcullis.port': '9000', 'portcullis.host': 'onhost.example' },
    command: ['/bin/nc', '-ll', '-p', '9000', '-e', '/bin/echo', 'onhost'],
  });
  const inspected = await engine.docker(
    'inspect',
    '-f',
    '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.GlobalIPv6Address}}',
    'inner',
  );
  [addresses.loop4 = '', addresses.loop6 = ''] = inspected.split(' ');
  addresses.hostLinkLocal =
    /inet6 (fe80::\S+)\//.exec(
      await lab.host.ok(['ip', '-6', 'addr', 'show', 'dev', 'eth0']),
    )?.[1] ?? '';
  // The outside host knows the way to containers, and to this host's 127.0.0.1.
  await lab.outside.ok(['ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_V4]);
  await lab.outside.ok(['ip', '-6', 'route', 'add', 'fd00:dead:beef::/48', 'via', HOST_V6]);
  await lab.outside.ok(['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  await lab.outside.ok(['ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo']);
  await lab.outside.ok(['ip', 'route', 'add', '127.0.0.1/32', 'via', HOST_V4, 'src', OUTSIDE_V4]);
  outside = startAgent(lab.outside.name, lab.cleanup);
  host = startAgent(lab.host.name, lab.cleanup);
  await host.listen('tcp', '::', 22, 'ssh');
  await outside.listen('tcp', '::', 7000, 'internet');
  await outside.listen('udp', '0.0.0.0', 7001, 'internet');
  // With a firewall to enforce, init would put its unit into a systemd of this machine.
  await put(settingsFile(), settingsText('nftables', '"off"'));
  assert.equal((await portcullis('init', '--yes')).code, 0);
  untouched = await rulesOfAll();
});
after(() => lab.close());

const settingsFile = (): string => join(lab.folder, 'portcullis.yaml');
const settingsText = (
  backend: string,
  mode = 'enforce',
): string => `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { mode: ${mode}, backend: ${backend}, state_dir: ${lab.folder}/state }
watch: { linger: 1s, resync: 2s }
`;
const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', settingsFile(), '--docker', engine.url, ...args]);

/** Everybody's rules, without counters and without iptables' own empty chains. */
async function rulesOfAll(): Promise<string> {
  const texts = await Promise.all(
    [['iptables-save'], ['ip6tables-save'], ['nft', 'list', 'tables']].map((argv) =>
      lab.host.ok(argv),
    ),
  );
  return texts
    .join('\n')
    .split('\n')
    .filter((line) => !line.startsWith('#') && !/^table ip6? (filter|mangle)$/.test(line))
    .map((line) => line.replace(/\[\d+:\d+\]/, ''))
    .filter(
      (line) => !/^:(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) ACCEPT $|^COMMIT$|^\*/.test(line),
    )
    .toSorted((a, b) => a.localeCompare(b))
    .join('\n');
}

type Knock = () => Promise<string>;
type Row = readonly [path: string, knock: Knock, open: string, guarded: string];

const UDP_SERVER = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 53) or die;
while (defined $s->recv(my $x, 99)) { $s->send("dns\n") }`;
const UDP_CLIENT = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '${OUTSIDE_V4}:7001') or die;
alarm 2; $s->send('x'); $s->recv(my $x, 99); print $x`;

/** What an outside host tries, what answers without a firewall, and what with it. */
const ROWS: readonly Row[] = [
  ['a published port, IPv4', () => outside.dial('tcp', HOST_V4, 8080), 'open\n', ''],
  ['a published port, IPv6', () => outside.dial('tcp', HOST_V6, 8080), 'open\n', ''],
  ['a published port by the second card', () => outside.dial('tcp', HOST2_V4, 8080), 'open\n', ''],
  [
    'a published port by its link-local address',
    () => outside.dial('tcp', `${addresses.hostLinkLocal}%eth0`, 8080),
    'open\n',
    '',
  ],
  [
    'a container’s address, port published on loopback',
    () => outside.dial('tcp', addresses.loop4, 80),
    'inner\n',
    '',
  ],
  ['a container’s IPv6 address', () => outside.dial('tcp', addresses.loop6, 80), 'inner\n', ''],
  [
    '127.0.0.1 asked for by a neighbour',
    () => outside.dial('tcp', '127.0.0.1', 1235),
    'inner\n',
    '',
  ],
  ['a published UDP port', () => outside.dial('udp', HOST_V4, 4000), 'dns\n', ''],
  ['a host-network container', () => outside.dial('tcp', HOST_V4, 9000), 'onhost\n', ''],
  [
    'a public port from a source that may',
    () => outside.dial('tcp', HOST_V4, 8443),
    'pub\n',
    'pub\n',
  ],
  ['a public port over IPv6', () => outside.dial('tcp', HOST_V6, 8443), 'pub\n', 'pub\n'],
  [
    'a public port from a source that may not',
    () => outside.dial('tcp', HOST2_V4, 8443, OUTSIDE2_V4),
    'pub\n',
    '',
  ],
  [
    'a container port under its public host port',
    () => outside.dial('tcp', HOST_V4, 8500),
    'both\n',
    'both\n',
  ],
  [
    'the same container port under another host port',
    () => outside.dial('tcp', HOST_V4, 8501),
    'both\n',
    '',
  ],
  ['the host’s own SSH', () => outside.dial('tcp', HOST_V4, 22), 'ssh', 'ssh'],
  ['the host’s own SSH, IPv6', () => outside.dial('tcp', HOST_V6, 22), 'ssh', 'ssh'],
  ['the host itself -> 127.0.0.1', () => host.dial('tcp', '127.0.0.1', 1235), 'inner\n', 'inner\n'],
  ['the host itself -> its own address', () => host.dial('tcp', HOST_V4, 8080), 'open\n', 'open\n'],
  [
    'a container -> internet, TCP',
    () => inContainer('nc', '-w', '1', OUTSIDE_V4, '7000'),
    'internet',
    'internet',
  ],
  [
    'a container -> internet, UDP',
    async () =>
      (
        await engine.tryDocker(
          'exec',
          'dns',
          '/bin/busybox',
          'chroot',
          '/machine',
          'perl',
          '-e',
          UDP_CLIENT,
        )
      ).stdout,
    'internet',
    'internet',
  ],
  [
    'a container -> another',
    () => inContainer('nc', '-w', '1', addresses.loop4, '80'),
    'inner\n',
    'inner\n',
  ],
  [
    'a container -> another through a published port',
    () => inContainer('nc', '-w', '1', HOST_V4, '8080'),
    'open\n',
    'open\n',
  ],
];

const inContainer = async (...argv: readonly string[]): Promise<string> =>
  (await engine.tryDocker('exec', '-i', 'loop', ...argv)).stdout;

async function verdicts(): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const [path, knock] of ROWS) {
    let heard = await knock();
    if (heard === 'refused') heard = '';
    // The UDP server forks for each datagram and may be between two.
    for (let tries = 0; heard === '' && path.includes('UDP') && tries < 3; tries++)
      heard = await knock();
    answers[path] = heard;
  }
  return answers;
}

/** Docker 28 and later close these by themselves. */
const CLOSED_BY_DOCKER_28 = [
  'a container’s address, port published on loopback',
  'a container’s IPv6 address',
  '127.0.0.1 asked for by a neighbour',
];
let major = 0;

const expected = (column: 2 | 3): Record<string, string> =>
  Object.fromEntries(
    ROWS.map((row) => [
      row[0],
      major >= 28 && CLOSED_BY_DOCKER_28.includes(row[0]) ? '' : row[column],
    ]),
  );

test('without a firewall: every path is open', async () => {
  assert.deepEqual(await verdicts(), expected(2));
});

for (const backend of ['nftables', 'iptables', 'docker-user'] as const) {
  test(`watch with ${backend}: containers are reachable only through Nginx`, async () => {
    await put(settingsFile(), settingsText(backend));
    const watch = lab.startPortcullis([
      '--config',
      settingsFile(),
      '--docker',
      engine.url,
      '--log-level',
      'debug',
      'watch',
    ]);
    try {
      await watch.saw(/firewall-enforced/);
      await watch.saw(/ reconciled /);
      assert.deepEqual(await verdicts(), expected(3));
      const answer = await get(lab.outside, `http://${HOST_V4}/`, {
        host: 'service-1234.example.com',
      });
      assert.equal(answer.status, 200);
      await survives(watch, backend);
    } finally {
      await watch.stop('SIGKILL');
    }
    assert.deepEqual(await verdicts(), expected(3), 'closed, with watch killed');
    const check = await portcullis('firewall', 'check', '--json');
    assert.deepEqual(
      [check.code, JSON.parse(check.stdout).enforced, JSON.parse(check.stdout).backend],
      [0, true, backend],
      check.stdout,
    );
    assert.equal((await portcullis('firewall', 'remove', '--yes')).code, 0);
    assert.equal(await rulesOfAll(), untouched);
    assert.equal((await portcullis('firewall', 'check')).code, 3);
    assert.deepEqual(await verdicts(), expected(2), 'open again');
  });
}

/** What other programs do to the rules: each is repaired and told. Docker's own rules are put back for the next. */
async function survives(watch: Watching, backend: string): Promise<void> {
  const tampers: readonly (readonly string[])[] =
    backend === 'nftables'
      ? [
          ['nft', 'delete', 'table', 'inet', 'portcullis'],
          ['nft', 'flush', 'table', 'inet', 'portcullis'],
        ]
      : [
          [
            'iptables',
            '-t',
            backend === 'iptables' ? 'mangle' : 'filter',
            '-F',
            backend === 'iptables' ? 'PREROUTING' : 'INPUT',
          ],
        ];
  for (const tamper of tampers) {
    const earlier = repairs(watch).length;
    await lab.host.ok(tamper);
    const line = await waitUntil(`repair after ${tamper.join(' ')}`, () => repairs(watch)[earlier]);
    assert.match(line, new RegExp(`program=\\S*${tamper[0] ?? ''}`));
    assert.equal(await outside.dial('tcp', HOST_V4, 8080), '');
    assert.equal(await outside.dial('tcp', HOST_V4, 9000), '');
  }
}

const repairs = (watch: Watching): readonly string[] =>
  watch
    .output()
    .split('\n')
    .filter((line) => line.includes('firewall-repaired'));

test('watch: containers that start are covered at once, a grant opens and its end cuts, others are not disturbed', async () => {
  await put(settingsFile(), settingsText('nftables'));
  const watch = lab.startPortcullis(['--config', settingsFile(), '--docker', engine.url, 'watch']);
  try {
    await watch.saw(/firewall-enforced/);
    await host.ask({ op: 'listen', protocol: 'tcp', host: '0.0.0.0', port: 2222, says: 'ssh' });
    await outside.ask({ op: 'hold', name: 'ssh', host: HOST_V4, port: 2222 });
    // 30 containers at once, hammered the whole time: zero bytes.
    const names = Array.from({ length: 30 }, (_, index) => `many-${index}`);
    for (const [index, name] of names.entries()) {
      await engine.docker(
        'create',
        '--name',
        name,
        '-p',
        `${6000 + index}:80`,
        'lab/web:1',
        ...says(name),
      );
    }
    const heard: string[] = [];
    const hammered = new AbortController();
    const hammer = (async () => {
      while (!hammered.signal.aborted) {
        const answers = await Promise.all(
          names.map((_, index) => outside.dial('tcp', HOST_V4, 6000 + index)),
        );
        heard.push(...answers.filter((text) => text !== '' && text !== 'refused'));
      }
    })();
    await engine.docker('start', ...names);
    await waitUntil(
      'the last one answers its host',
      async () => (await host.dial('tcp', '127.0.0.1', 6029)) === 'many-29\n',
    );
    hammered.abort();
    await hammer;
    assert.deepEqual(heard, []);
    // Containers that stopped and start again; no `create` announces them.
    const again: string[] = [];
    const knocked = new AbortController();
    const knocking = (async () => {
      while (!knocked.signal.aborted) {
        again.push(
          await outside.dial('tcp', HOST_V4, 9000),
          await outside.dial('tcp', HOST_V6, 8080),
        );
      }
    })();
    const quick = setInterval(() => {
      for (const [address, port] of [
        [HOST_V4, 9000],
        [HOST_V6, 8080],
      ] as const) {
        void outside.dial('tcp', address, port).then((text) => again.push(text));
      }
    }, 5);
    for (let times = 0; times < 5; times++) {
      await engine.docker('stop', '-t', '0', 'onhost', 'open');
      await delay(300);
      await engine.docker('start', 'onhost', 'open');
      await waitUntil(
        'both answer their host',
        async () =>
          (await host.dial('tcp', '127.0.0.1', 9000)) === 'onhost\n' &&
          (await host.dial('tcp', '::1', 8080)) === 'open\n',
      );
    }
    clearInterval(quick);
    knocked.abort();
    await knocking;
    assert.deepEqual(
      again.filter((text) => text !== '' && text !== 'refused'),
      [],
    );
    // A port that another program has is not a container's that does not run.
    await engine.docker('create', '--name', 'fresh-ssh', '-p', '22:80', 'lab/web:1', ...says('no'));
    await engine.docker('stop', '-t', '0', 'open');
    await waitUntil(
      'the port of the container that ended stays closed',
      async () => !(await engine.docker('ps', '-q', '--filter', 'name=^open$')),
    );
    await host.listen('tcp', '0.0.0.0', 8080, 'another program');
    await waitUntil(
      'and is the host’s when another program has it',
      async () => (await outside.dial('tcp', HOST_V4, 8080)) === 'another program' || undefined,
    );
    assert.equal(await outside.dial('tcp', HOST_V4, 22), 'ssh');
    assert.equal(await outside.dial('tcp', HOST_V6, 22), 'ssh');
    assert.equal(await outside.ask({ op: 'alive', name: 'ssh' }), true);
    await host.ask({ op: 'close', port: 8080 });
    await engine.docker('start', 'open');
    assert.equal(await outside.dial('tcp', HOST_V4, 8080), '');
    // A new network's containers.
    await engine.docker('network', 'create', 'fresh');
    await engine.run({
      name: 'fresh',
      network: 'fresh',
      ports: ['6100:80'],
      command: says('fresh'),
    });
    assert.equal(await host.dial('tcp', '127.0.0.1', 6100), 'fresh\n');
    assert.equal(await outside.dial('tcp', HOST_V4, 6100), '');
    // A grant comes and goes.
    await engine.run({
      name: 'granted',
      ports: ['6200:80'],
      labels: { 'portcullis.public': 'true' },
      command: ['/bin/nc', '-ll', '-p', '80', '-e', '/bin/sh', '-c', 'echo hello; exec cat'],
    });
    await waitUntil(
      'the public one is open',
      async () => (await outside.dial('tcp', HOST_V4, 6200)) === 'hello\n' || undefined,
    );
    await outside.ask({ op: 'hold', name: 'granted', host: HOST_V4, port: 6200 });
    assert.equal(await outside.ask({ op: 'alive', name: 'granted' }), true);
    // The container runs on; only its label means nothing any more.
    await put(settingsFile(), `${settingsText('nftables')}label_prefix: other\n`);
    await waitUntil(
      'the grant is taken back',
      async () => (await outside.dial('tcp', HOST_V4, 6200)) === '' || undefined,
    );
    assert.equal(await outside.ask({ op: 'alive', name: 'granted' }), false, 'the held one is cut');
    assert.equal(await host.dial('tcp', '127.0.0.1', 6200), 'hello\n', 'it still runs');
    assert.equal(
      await outside.ask({ op: 'alive', name: 'ssh' }),
      true,
      'the SSH-like connection was never disturbed',
    );
    assert.doesNotMatch(watch.output(), / error /);
  } finally {
    await watch.stop();
    await portcullis('firewall', 'remove', '--yes');
    await engine.docker(
      'rm',
      '-f',
      ...(
        await engine.docker(
          'ps',
          '-aq',
          '--filter',
          'name=many',
          '--filter',
          'name=fresh',
          '--filter',
          'name=granted',
        )
      ).split('\n'),
    );
  }
});

/** ufw writes into /etc/ufw: it gets a copy of its own. */
const UFW = (command: string): readonly string[] => [
  'unshare',
  '-m',
  'sh',
  '-ec',
  `cp -a /etc/ufw "$0" && mount --bind "$0" /etc/ufw && { ${command}; } >/dev/null; umount /etc/ufw; rm -r "$0"`,
  join(lab.folder, 'ufw'),
];

type Upheaval = readonly [title: string, act: () => Promise<unknown>];

/** Of the rules that each backend keeps: those whose going must be told and repaired. */
const OWN_RULES_GO: Readonly<Record<string, readonly string[]>> = {
  nftables: ['nft delete table inet portcullis', 'nft flush ruleset'],
  iptables: ['iptables -t mangle -F', 'nft flush ruleset'],
  'docker-user': ['iptables -F', 'a restore that declares DOCKER-USER', 'nft flush ruleset'],
};

const UPHEAVALS: readonly Upheaval[] = [
  ['iptables -F', () => lab.host.ok(['iptables', '-F'])],
  ['dockerd restarted', () => engine.restart()],
  ['iptables -t nat -F', () => lab.host.ok(['iptables', '-t', 'nat', '-F'])],
  ['iptables -t mangle -F', () => lab.host.run(['iptables', '-t', 'mangle', '-F'])],
  [
    'nft delete table inet portcullis',
    () => lab.host.run(['nft', 'delete', 'table', 'inet', 'portcullis']),
  ],
  [
    'an ACCEPT at the front of FORWARD',
    () => lab.host.ok(['iptables', '-I', 'FORWARD', '-j', 'ACCEPT']),
  ],
  [
    'a restore that declares DOCKER-USER',
    () =>
      lab.host.ok(['iptables-restore', '--noflush'], {
        stdin: '*filter\n:DOCKER-USER - [0:0]\nCOMMIT\n',
      }),
  ],
  [
    'ufw enabled and reloaded',
    () =>
      lab.host.ok(
        UFW('ufw allow 22/tcp && ufw --force enable && ufw reload && ufw --force disable'),
      ),
  ],
  ['nft flush ruleset', () => lab.host.ok(['nft', 'flush', 'ruleset'])],
  ['dockerd restarted once more', () => engine.restart()],
];

/** What `firewall show` says that a backend cannot close; Docker puts its jump first again when it starts. */
const GAPS: Readonly<Record<string, string>> = {
  'docker-user': 'an ACCEPT at the front of FORWARD',
};

/** Every path that the firewall closes, knocked on at once: those that something answers. */
async function openPaths(): Promise<readonly string[]> {
  const guarded = ROWS.filter(([, , , answer]) => answer === '');
  const heard = await Promise.all(guarded.map(([, knock]) => knock()));
  return guarded.flatMap(([path], at) =>
    heard[at] === '' || heard[at] === 'refused' ? [] : [path],
  );
}

for (const backend of ['nftables', 'iptables', 'docker-user'] as const) {
  test(`watch with ${backend}: whatever others do to the rules, every path is closed again, and an SSH-like connection lives`, async (t) => {
    await put(settingsFile(), settingsText(backend));
    const watch = lab.startPortcullis([
      '--config',
      settingsFile(),
      '--docker',
      engine.url,
      'watch',
    ]);
    try {
      await watch.saw(/firewall-enforced/);
      const port = { nftables: 2301, iptables: 2302, 'docker-user': 2303 }[backend];
      await host.listen('tcp', '0.0.0.0', port, 'ssh');
      await outside.ask({ op: 'hold', name: backend, host: HOST_V4, port });
      for (const [title, upheaval] of UPHEAVALS) {
        const repaired = repairs(watch).length;
        // Somebody knocks all the while, on a port of each kind.
        const began = performance.now();
        const answered: number[] = [];
        const knocks: Promise<unknown>[] = [];
        const knocking = setInterval(() => {
          const at = performance.now() - began;
          for (const guarded of [8080, 9000]) {
            knocks.push(
              outside.dial('tcp', HOST_V4, guarded).then((text) => {
                if (text !== '' && text !== 'refused') answered.push(at);
              }),
            );
          }
        }, 5);
        try {
          await upheaval();
          await engine.docker('start', ...(await engine.docker('ps', '-aq')).split('\n'));
          if (OWN_RULES_GO[backend]?.includes(title)) {
            await waitUntil(`repair after ${title}`, () => repairs(watch)[repaired]);
          }
          await waitUntil(
            `Nginx's way works after ${title}`,
            async () => (await host.dial('tcp', '127.0.0.1', 1235)) === 'inner\n' || undefined,
          );
        } finally {
          clearInterval(knocking);
        }
        await Promise.all(knocks);
        if (GAPS[backend] === title) {
          const shown = await portcullis('firewall', 'show');
          assert.match(`${shown.stdout}${shown.stderr}`, /whatever accepts a packet ahead of/);
          await lab.host.ok(['iptables', '-D', 'FORWARD', '-j', 'ACCEPT']);
        }
        assert.deepEqual(await openPaths(), [], `${backend}, after ${title}`);
        assert.equal(
          await outside.ask({ op: 'alive', name: backend }),
          true,
          `the SSH-like connection after ${title}`,
        );
        t.diagnostic(
          `${backend}, ${title}: ${answered.length} of ${knocks.length} knocks answered` +
            (answered.length === 0
              ? ''
              : `, the last ${Math.max(...answered).toFixed(0)} ms after`),
        );
      }
      assert.match(repairs(watch).find((line) => /program=\S*nft/.test(line)) ?? '', /pid=\d+/);
      await waitUntil(
        'public ports are open again',
        async () => (await outside.dial('tcp', HOST_V4, 8500)) === 'both\n' || undefined,
      );
    } finally {
      await watch.stop();
      await portcullis('firewall', 'remove', '--yes');
    }
  });
}

test('generate enforces, --no-firewall and mode audit do not; apply asks', async () => {
  await put(settingsFile(), settingsText('nftables', 'audit'));
  const audit = await portcullis('generate');
  assert.match(audit.stdout, /firewall: not enforced \(mode audit\); [1-9]\d* differences?/);
  await put(settingsFile(), settingsText('nftables'));
  assert.doesNotMatch((await portcullis('generate', '--no-firewall')).stdout, /firewall/);
  assert.equal(await outside.dial('tcp', HOST_V4, 8080), 'open\n');
  const apply = await portcullis('firewall', 'apply');
  assert.deepEqual(
    [apply.code, apply.stderr],
    [2, 'portcullis: this changes the host, and there is no terminal to ask on: add --yes\n'],
  );
  assert.match(apply.stdout, /closed host ports of containers: .*8080\/tcp/);
  assert.equal(await outside.dial('tcp', HOST_V4, 8080), 'open\n');
  const generate = await portcullis('generate');
  assert.match(generate.stdout, /firewall: enforced, with nftables/);
  assert.equal(await outside.dial('tcp', HOST_V4, 8080), '');
  assert.deepEqual(Object.keys(await bytesBelow(`${lab.folder}/state`)), ['boot.nft']);
  await portcullis('firewall', 'remove', '--yes');
});

test('a label on the host network closes no other program’s port, and opens no other container’s', async () => {
  await engine.run({
    name: 'greedy',
    network: 'host',
    labels: {
      'portcullis.port': '22',
      'portcullis.host': 'greedy.example',
      'portcullis.public': '8080/tcp',
    },
    command: ['/bin/sleep', '600'],
  });
  const { code, stderr } = await portcullis('generate');
  await engine.docker('rm', '-f', 'greedy');
  assert.equal(code, 4, stderr);
  assert.match(stderr, /greedy: names the host's port 22\/tcp, on which a program listens/);
  assert.match(
    stderr,
    /greedy: label portcullis\.public names 8080\/tcp, which is a port of container open:/,
  );
  assert.equal(await outside.dial('tcp', HOST_V4, 22), 'ssh');
  assert.equal(await outside.dial('tcp', HOST_V4, 8080), '');
  assert.equal(await outside.dial('tcp', HOST_V4, 9000), '', 'the container’s own stays closed');
  await portcullis('firewall', 'remove', '--yes');
});

test('without NET_ADMIN: one clear sentence, exit code 1, the sites are served', async () => {
  const cli = ['node', join(import.meta.dirname, '..', '..', '..', 'dist', 'cli.js')];
  const { code, stdout, stderr } = await lab.host.run([
    'setpriv',
    '--bounding-set',
    '-net_admin',
    '--inh-caps',
    '-net_admin',
    ...cli,
    '--config',
    settingsFile(),
    '--docker',
    engine.url,
    'generate',
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /^nothing changed|is live/m);
  assert.equal(
    stderr,
    'portcullis: no right to change the firewall: run as root or with CAP_NET_ADMIN (a container: --cap-add NET_ADMIN and --network host)\n',
  );
});
