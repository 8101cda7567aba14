import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIREWALL_CASES } from './cases.fixture.ts';
import { grantChange } from './nftables-change.ts';
import { nftDrift, parseNftTable } from './nftables-drift.ts';
import { nftSets } from './nftables-sets.ts';
import { nftablesText } from './nftables-text.ts';
import { firewallPolicy } from './policy.ts';
import { NO_RULES } from './ruleset.ts';

const rulesets = FIREWALL_CASES.map(
  ({ snapshot, access, settings }) => firewallPolicy(snapshot, access, settings).ruleset,
);

test('nftDrift(): a table does not differ from itself, whatever it holds', () => {
  for (const ruleset of rulesets) {
    const table = parseNftTable(nftablesText(ruleset));
    assert.deepEqual(nftDrift(table, table), []);
    assert.equal(table.sets.size, nftSets(ruleset).length);
  }
});

const TABLE = `table inet portcullis { # handle 4
\tset held {
\t\ttype inet_proto . inet_service
\t\telements = { udp . 53,
\t\t\t     tcp . 8080 }
\t}

\tset from6 {
\t\ttype inet_proto . inet_service . ipv6_addr
\t\tflags interval
\t\telements = { tcp . 22 . 2001:db8:0::/32 }
\t}

\tchain forward { # handle 7
\t\ttype filter hook forward priority filter - 10; policy accept;
\t\tlimit rate 5/second burst 5 packets log prefix "x: " # handle 9
\t\tcounter packets 3 bytes 180 drop
\t}
}
`;

const same: readonly [title: string, change: (text: string) => string][] = [
  [
    'counters and handles',
    (text) => text.replace('packets 3 bytes 180', 'packets 9 bytes 9').replace(' # handle 9', ''),
  ],
  [
    'the order of elements',
    (text) => text.replace('udp . 53,\n\t\t\t     tcp . 8080', 'tcp . 8080, udp . 53'),
  ],
  ['how an address is shortened', (text) => text.replace('2001:db8:0::/32', '2001:db8::/32')],
  ['how a priority is written', (text) => text.replace('filter - 10', '-10')],
  ['a default that newer versions write', (text) => text.replace(' burst 5 packets', '')],
];
for (const [title, change] of same) {
  test(`nftDrift(): ${title} means nothing`, () => {
    assert.notEqual(change(TABLE), TABLE);
    assert.deepEqual(nftDrift(parseNftTable(TABLE), parseNftTable(change(TABLE))), []);
  });
}

const others: readonly [
  title: string,
  change: (text: string) => string,
  expected: readonly string[],
][] = [
  ['an element gone', (text) => text.replace('udp . 53,', ''), ['set held: udp . 53 / missing']],
  [
    'an element more',
    (text) => text.replace('udp . 53,', 'udp . 53, udp . 54,'),
    ['set held: nothing else / udp . 54'],
  ],
  [
    'a chain gone',
    (text) => text.replace('chain forward', 'chain other'),
    ['chains: forward / missing', 'chains: nothing else / other'],
  ],
  [
    'a rule more',
    (text) => text.replace('\t\tlimit', '\t\taccept\n\t\tlimit'),
    ['chain forward rule 2: limit rate 5/second log prefix "x: " / accept'],
  ],
  [
    'a policy',
    (text) => text.replace('policy accept', 'policy drop'),
    [
      'chain forward rule 1: type filter hook forward priority -10; policy accept; / type filter hook forward priority -10; policy drop;',
    ],
  ],
  [
    'a set that is no interval',
    (text) => text.replace('\t\tflags interval\n', ''),
    [
      'set from6: type inet_proto . inet_service . ipv6_addr; flags interval / type inet_proto . inet_service . ipv6_addr',
    ],
  ],
  [
    'a table put to sleep',
    (text) => text.replace('\tset held', '\tflags dormant\n\n\tset held'),
    ['table inet portcullis: active / dormant'],
  ],
];
for (const [title, change, expected] of others) {
  test(`nftDrift(): sees ${title}`, () => {
    const drift = nftDrift(parseNftTable(TABLE), parseNftTable(change(TABLE)));
    assert.deepEqual(
      drift.map(({ what, expected: wanted, found }) => `${what}: ${wanted} / ${found}`),
      expected,
    );
  });
}

test('grantChange(): nothing differs, nothing is sent', () => {
  for (const ruleset of rulesets) assert.equal(grantChange(ruleset, ruleset), '');
});

test('grantChange(): one grant costs a handful of lines however many containers there are', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 60_000 }), { minLength: 2, maxLength: 200 }),
      (ports) => {
        const grants = ports.map((port) => ({
          protocol: 'tcp' as const,
          port,
          address: undefined,
          sources: ['0.0.0.0/0', '::/0'],
          endpoints: [{ address: `172.17.${port >> 8}.${port & 255}`, port: 80 }],
        }));
        const ruleset = { ...NO_RULES, grants };
        const script = grantChange({ ...ruleset, grants: grants.slice(1) }, ruleset);
        assert.equal(script.trim().split('\n').length, 6);
        assert.doesNotMatch(script, /delete/);
      },
    ),
  );
});
