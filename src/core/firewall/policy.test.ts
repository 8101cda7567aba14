import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container, PublishedPort, Snapshot } from '../model.ts';
import type { ContainerAccess } from './access.ts';
import { iptablesText } from './iptables-text.ts';
import { dockerUserTables, mangleTables } from './iptables-tables.ts';
import { nftablesText } from './nftables-text.ts';
import { firewallPolicy } from './policy.ts';
import { aContainer, aNetwork, aSnapshot, NOTHING_TRUSTED } from './snapshot.fixture.ts';

const published = (
  hostAddress: string,
  hostPort: number,
  protocol: 'tcp' | 'udp' = 'tcp',
): PublishedPort => ({
  hostAddress,
  hostPort,
  containerPort: 80,
  protocol,
});

const isPublic = (
  ports: 'all' | readonly { port: number; protocol: 'tcp' | 'udp' }[] = 'all',
  from: readonly string[] = [],
): ContainerAccess => ({ containerId: 'c1', hostNetworkPorts: [], public: { ports, from } });

const heldCases: readonly [
  title: string,
  container: Partial<Container>,
  held: readonly string[],
][] = [
  ['a port on every address', { published: [published('0.0.0.0', 8080)] }, ['tcp 8080 *']],
  [
    'both wildcards are one',
    { published: [published('0.0.0.0', 80), published('::', 80)] },
    ['tcp 80 *'],
  ],
  [
    'loopback needs no holding',
    { published: [published('127.0.0.1', 80), published('::1', 81)] },
    [],
  ],
  ['one address', { published: [published('192.0.2.5', 80)] }, ['tcp 80 192.0.2.5']],
  [
    'one address and every address',
    { published: [published('192.0.2.5', 80), published('', 80)] },
    ['tcp 80 *'],
  ],
  [
    'an address in long form',
    { published: [published('2001:db8:0::5', 80)] },
    ['tcp 80 2001:db8::5'],
  ],
  ['UDP is another port', { published: [published('0.0.0.0', 53, 'udp')] }, ['udp 53 *']],
  ['only created', { state: 'created', portBindings: [published('', 8080)] }, ['tcp 8080 *']],
  ['a port still to be chosen', { state: 'created', portBindings: [published('', 0)] }, []],
  [
    'exited: the port may be another program’s by now',
    { state: 'exited', portBindings: [published('', 80)] },
    [],
  ],
  [
    '-p on the host network is ignored by Docker',
    { networkMode: 'host', portBindings: [published('', 80)] },
    [],
  ],
  [
    '-p on a macvlan is ignored by Docker',
    { networkMode: 'lan', portBindings: [published('', 80)] },
    [],
  ],
];

for (const [title, container, expected] of heldCases) {
  test(`firewallPolicy(): holds ${title}`, () => {
    const snapshot = aSnapshot(
      [aContainer(container)],
      [aNetwork({ name: 'lan', id: 'n2', driver: 'macvlan' })],
    );
    const { held } = firewallPolicy(snapshot, [], NOTHING_TRUSTED).ruleset;
    assert.deepEqual(
      held.map(({ protocol, port, address }) => `${protocol} ${port} ${address ?? '*'}`),
      expected,
    );
  });
}

const grantCases: readonly [
  title: string,
  container: Partial<Container>,
  access: ContainerAccess,
  grants: readonly string[],
  problems: readonly string[],
][] = [
  [
    'all ports, to everyone',
    { published: [published('0.0.0.0', 8443), published('::', 8443)] },
    isPublic(),
    ['tcp 8443 * from 0.0.0.0/0,::/0 to 172.17.0.2:80'],
    [],
  ],
  [
    'one of two ports, to two networks of which one holds the other',
    { published: [published('0.0.0.0', 25), published('0.0.0.0', 26)] },
    isPublic([{ port: 25, protocol: 'tcp' }], ['10.0.0.0/8', '10.1.0.0/16']),
    ['tcp 25 * from 10.0.0.0/8 to 172.17.0.2:80'],
    [],
  ],
  [
    'a loopback port',
    { published: [published('127.0.0.1', 8443)] },
    isPublic(),
    [],
    [
      'portcullis.public has no effect: the container publishes on loopback only, so nothing outside can reach it; publish it without 127.0.0.1',
    ],
  ],
  [
    'a port that is on loopback among others',
    { published: [published('127.0.0.1', 80), published('0.0.0.0', 81)] },
    isPublic([{ port: 80, protocol: 'tcp' }]),
    [],
    [
      'portcullis.public names 80/tcp, which is published on loopback only, so nothing outside can reach it; publish it without 127.0.0.1',
    ],
  ],
  [
    'a port that is not published',
    { published: [published('0.0.0.0', 8080)] },
    isPublic([{ port: 80, protocol: 'tcp' }]),
    [],
    [
      'portcullis.public names 80/tcp, which the container does not publish (it publishes 8080/tcp); name a published host port',
    ],
  ],
  [
    'nothing published',
    {},
    isPublic(),
    [],
    ['portcullis.public has no effect: the container publishes no port; publish one with -p'],
  ],
  [
    'not running, nothing yet',
    { state: 'created', portBindings: [published('', 80)] },
    isPublic(),
    [],
    [],
  ],
  [
    'no bridge address',
    { published: [published('0.0.0.0', 80)], endpoints: [] },
    isPublic(),
    [],
    [
      'portcullis.public is on no bridge network, so its own address is not known; attach it to one',
    ],
  ],
  [
    'the host network, ports named',
    { networkMode: 'host', endpoints: [] },
    isPublic([{ port: 53, protocol: 'udp' }]),
    ['udp 53 * from 0.0.0.0/0,::/0 to '],
    [],
  ],
  [
    'the host network, no port named',
    { networkMode: 'host', endpoints: [] },
    isPublic(),
    [],
    ['portcullis.public is on the host network: say which ports are meant, as 25/tcp'],
  ],
  [
    'another container’s network',
    { networkMode: 'container:0123456789abcdef' },
    isPublic(),
    [],
    ['portcullis.public shares the network of 0123456789abcdef; put the label there'],
  ],
];

for (const [title, container, access, grants, problems] of grantCases) {
  test(`firewallPolicy(): grants: ${title}`, () => {
    const policy = firewallPolicy(aSnapshot([aContainer(container)]), [access], NOTHING_TRUSTED);
    assert.deepEqual(
      policy.ruleset.grants.map(
        (grant) =>
          `${grant.protocol} ${grant.port} ${grant.address ?? '*'} from ${grant.sources.join()} to ${grant.endpoints.map(({ address, port }) => `${address}:${port}`).join()}`,
      ),
      grants,
    );
    assert.deepEqual(
      policy.problems.map(({ label, reason }) => `${label} ${reason}`),
      problems,
    );
  });
}

for (const networkMode of ['bridge', 'host']) {
  test(`firewallPolicy(): ports times networks beyond any use: closed, and told (${networkMode})`, () => {
    const ports = Array.from({ length: 600 }, (_unused, index) => 10_000 + index);
    const container = aContainer({
      networkMode,
      published: networkMode === 'host' ? [] : ports.map((port) => published('0.0.0.0', port)),
    });
    const networks = Array.from({ length: 200 }, (_unused, index) => `10.0.${index}.0/32`);
    const access = {
      ...isPublic('all', networks),
      hostNetworkPorts: ports.map((port) => ({ port, protocol: 'tcp' as const })),
    };
    const { ruleset, problems } = firewallPolicy(aSnapshot([container]), [access], NOTHING_TRUSTED);
    assert.deepEqual([ruleset.grants, ruleset.routed], [[], []]);
    assert.match(problems[0]?.reason ?? '', /^would need 120000 rules/);
  });
}

test('firewallPolicy(): a routed network is granted by container address, each family by itself', () => {
  const network = aNetwork({
    options: { 'com.docker.network.bridge.gateway_mode_ipv6': 'routed' },
  });
  const container = aContainer({
    published: [published('0.0.0.0', 8080)],
    endpoints: [{ network: 'bridge', networkId: 'n1', ipv4: '172.17.0.2', ipv6: 'fd00::2' }],
  });
  const snapshot = { containers: [container], networks: [network] };
  const { routed, grants } = firewallPolicy(snapshot, [isPublic()], NOTHING_TRUSTED).ruleset;
  assert.deepEqual(routed, [
    { protocol: 'tcp', address: 'fd00::2', port: 80, sources: ['0.0.0.0/0', '::/0'] },
  ]);
  assert.equal(grants.length, 1);
});

test('firewallPolicy(): a pod’s member on the host network holds the ports its labels name', () => {
  const containers = [
    aContainer({ id: 'p'.repeat(64), name: 'pod', networkMode: 'host' }),
    aContainer({ networkMode: `container:${'p'.repeat(64)}` }),
  ];
  const access = {
    containerId: 'c1',
    hostNetworkPorts: [{ port: 9000, protocol: 'tcp' as const }],
    public: undefined,
  };
  const { held } = firewallPolicy(aSnapshot(containers), [access], NOTHING_TRUSTED).ruleset;
  assert.deepEqual(held, [{ protocol: 'tcp', port: 9000, address: undefined }]);
});

const OTHERS: readonly [
  title: string,
  other: Partial<Container>,
  open: boolean,
  granted: boolean,
][] = [
  ['published by another', { published: [published('0.0.0.0', 5432)] }, false, false],
  [
    'asked for by one that was created',
    { portBindings: [published('', 5432)], state: 'created' },
    false,
    false,
  ],
  ['published and made public by another', { published: [published('0.0.0.0', 5432)] }, true, true],
  ['of nobody else', {}, false, true],
];

for (const [title, other, open, granted] of OTHERS) {
  test(`firewallPolicy(): a label on the host network names a port ${title}: ${granted ? 'open' : 'closed, and told'}`, () => {
    const containers = [
      aContainer({ networkMode: 'host', endpoints: [] }),
      aContainer({ id: 'db', name: 'db', ...other }),
    ];
    const asked = isPublic([{ port: 5432, protocol: 'tcp' }]);
    const access = open ? [asked, { ...isPublic(), containerId: 'db' }] : [asked];
    const { ruleset, problems } = firewallPolicy(aSnapshot(containers), access, NOTHING_TRUSTED);
    assert.equal(
      ruleset.grants.some(({ port }) => port === 5432),
      granted,
    );
    assert.deepEqual(
      problems.map(({ reason }) => reason),
      granted
        ? []
        : ['names 5432/tcp, which is a port of container db: only that one can make it public'],
    );
  });
}

test('firewallPolicy(): all ports of the container that Nginx runs in are public by its role', () => {
  const containers = [aContainer({ name: 'edge', published: [published('0.0.0.0', 443)] })];
  const settings = { ...NOTHING_TRUSTED, proxyContainer: 'edge' };
  const { grants } = firewallPolicy(aSnapshot(containers), [], settings).ruleset;
  assert.deepEqual(
    grants.map(({ port, sources }) => [port, sources]),
    [[443, ['0.0.0.0/0', '::/0']]],
  );
});

test('firewallPolicy(): bridges by the name Docker gave, the Swarm one too, hostile ones as a problem', () => {
  const networks = [
    aNetwork({ bridge: 'docker0' }),
    aNetwork({ id: 'n2', name: 'docker_gwbridge' }),
    aNetwork({ id: 'n3', name: 'evil', bridge: 'x" accept; #' }),
    aNetwork({ id: 'n4', name: 'lan', driver: 'macvlan' }),
  ];
  const { ruleset, problems } = firewallPolicy({ containers: [], networks }, [], NOTHING_TRUSTED);
  assert.deepEqual(ruleset.bridges, ['docker0', 'docker_gwbridge']);
  assert.equal(problems.length, 1);
});

const hostile = fc.string({ unit: 'binary', maxLength: 40 });
const port = fc.integer({ min: 0, max: 65_535 });
const anyContainer = fc.record({
  id: fc.stringMatching(/^[0-9a-f]{64}$/),
  name: hostile,
  labels: fc.dictionary(hostile, hostile),
  state: fc.constantFrom('created', 'running', 'paused', 'exited'),
  networkMode: fc.oneof(fc.constantFrom('bridge', 'host', 'none', 'container:c1'), hostile),
  published: fc.array(
    fc.record({
      hostAddress: fc.oneof(
        fc.constantFrom('0.0.0.0', '::', '', '127.0.0.1', '192.0.2.9', 'fe80::1%eth0'),
        hostile,
      ),
      hostPort: port,
      containerPort: fc.integer({ min: 1, max: 65_535 }),
      protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
    }),
    { maxLength: 5 },
  ),
  endpoints: fc.array(
    fc.record({
      network: hostile,
      networkId: fc.constantFrom('n1', 'nowhere'),
      ipv4: fc.oneof(fc.ipV4(), hostile),
      ipv6: fc.oneof(fc.ipV6(), hostile),
    }),
    { maxLength: 2 },
  ),
});

const allTexts = (snapshot: Snapshot): string => {
  const access = snapshot.containers.map(({ id }) => ({ ...isPublic(), containerId: id }));
  const { ruleset } = firewallPolicy(snapshot, access, NOTHING_TRUSTED);
  const tables = [...mangleTables(ruleset), ...dockerUserTables(ruleset, { v4: true, v6: false })];
  return [nftablesText(ruleset), ...tables.map((table) => iptablesText(table))].join('\n');
};

test('rule text: shuffled containers give the same bytes', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyContainer, { maxLength: 8, selector: ({ id }) => id }),
      fc.infiniteStream(fc.nat()),
      (some, order) => {
        const containers = some.map(aContainer);
        const shuffled = containers
          .map((container) => ({ container, rank: order.next().value }))
          .toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
          .map(({ container }) => container);
        const networks = [aNetwork({})];
        assert.equal(
          allTexts({ containers: shuffled, networks }),
          allTexts({ containers, networks }),
        );
      },
    ),
  );
});

/** What a line may look like: no name, label or address of a container fits in anywhere else. */
const LINES: readonly RegExp[] = [
  /^$|^# Written by Portcullis\. Changes here are undone\.$/,
  /^(?:delete )?table inet portcullis(?: \{)?$|^\t*\}$/,
  /^\t(?:set|map|chain) [a-z_0-9]+ \{$/,
  /^\t\t(?:type |flags interval$|iifname |oifname |ip6? |ct |meta |limit |counter |goto )[\w "@:;./{},-]*$/,
  /^\t\telements = \{ [\w "@:;./,-]+(?: \})?$|^\t\t\t?[\w "@:;./-]+(?:,| \})$/,
  /^\*(?:mangle|filter)$|^COMMIT$|^:PORTCULLIS-[A-Z]+ - \[0:0\]$/,
  /^-A PORTCULLIS-[A-Z]+ [\w "!:./,-]+$/,
  /^-I (?:PREROUTING|INPUT|FORWARD|DOCKER-USER) 1 -j PORTCULLIS-[A-Z]+$/,
];

test('rule text: names only our table and chains, and nothing of a container but ports and addresses', () => {
  fc.assert(
    fc.property(fc.array(anyContainer, { maxLength: 4 }), (some) => {
      const text = allTexts({ containers: some.map(aContainer), networks: [aNetwork({})] });
      const strange = text.split('\n').filter((line) => !LINES.some((shape) => shape.test(line)));
      assert.deepEqual(strange, []);
    }),
  );
});
