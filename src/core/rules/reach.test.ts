import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hexAddress, prefixRange, rangeOf } from './address-range.ts';
import { interfacesFrom, routesFrom, type HostFacts } from './host-facts.ts';
import { iptablesRuleset } from './iptables-ruleset.ts';
import { nftRuleset } from './nft-ruleset.ts';
import { createReach, type Goal, type Reach } from './reach.ts';
import { joined, type LiveRules } from './rule-model.ts';
import { countSources, rangeText } from './sources.ts';

const facts: HostFacts = {
  interfaces: interfacesFrom(
    JSON.stringify([
      { ifname: 'eth0', flags: ['UP'], addr_info: [{ local: '198.51.100.1', prefixlen: 24 }] },
      { ifname: 'docker0', flags: ['UP'], addr_info: [{ local: '172.17.0.1', prefixlen: 16 }] },
    ]),
  ),
  routes: routesFrom(
    JSON.stringify([
      { dst: '172.17.0.0/16', dev: 'docker0' },
      { dst: 'default', dev: 'eth0' },
    ]),
    'v4',
  ),
  forwarding: { v4: new Set(['eth0', 'docker0']), v6: false },
  localnet: new Set(),
  policyRouting: false,
};
const DOCKER = `*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
`;
const filter = (...rules: readonly string[]): string =>
  `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:FOO - [0:0]\n${rules.join('\n')}\nCOMMIT\n`;

function reach(rules: LiveRules, changes: Partial<Goal> = {}): Reach {
  const [eth0] = facts.interfaces;
  return createReach({
    rules,
    facts,
    interfaces: eth0 ? [eth0] : [],
    bridges: ['docker0'],
    trusted: [],
  })({
    family: 'v4',
    protocol: 6,
    address: 'host',
    port: 8080,
    granted: [],
    arrives: ({ fate, packet }) =>
      fate === 'forwarded' && packet.daddr === hexAddress('172.17.0.2'),
    ...changes,
  });
}

const cases: readonly (readonly [
  title: string,
  rules: string,
  answer: Reach['answer'],
  says: RegExp,
])[] = [
  ['nothing in the way', filter(), 'open', /^$/],
  [
    'dropped',
    filter('-A FORWARD -i eth0 -j DROP'),
    'closed',
    /table ip filter: -A FORWARD -i eth0 -j DROP/,
  ],
  ['another card', filter('-A FORWARD -i eth1 -j DROP'), 'open', /^$/],
  [
    'by the policy',
    filter().replace(':FORWARD ACCEPT', ':FORWARD DROP'),
    'closed',
    /policy of chain FORWARD/,
  ],
  [
    'by the first destination port',
    filter('-A FORWARD -p tcp -m conntrack --ctorigdstport 8080 -j DROP'),
    'closed',
    /8080/,
  ],
  ['by the rewritten one', filter('-A FORWARD -p tcp -m tcp --dport 8080 -j DROP'), 'open', /^$/],
  ['the answer does not get out', filter('-A FORWARD -i docker0 -j DROP'), 'closed', /-i docker0/],
  [
    'answers are let out first',
    filter(
      '-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT',
      '-A FORWARD -i docker0 -j DROP',
    ),
    'open',
    /^$/,
  ],
  [
    'a jump that returns',
    filter('-A FOO -s 10.0.0.0/8 -j DROP', '-A FORWARD -j FOO'),
    'open',
    /^$/,
  ],
  ['a goto ends the chain', filter('-A FORWARD -g FOO', '-A FORWARD -j DROP'), 'open', /^$/],
  [
    'what nobody understands',
    filter('-A FORWARD -m set --match-set x src -j DROP'),
    'unknown',
    /match-set x/,
  ],
  [
    'a log that nobody understands',
    filter('-A FORWARD -m set --match-set x src -j LOG'),
    'open',
    /^$/,
  ],
  [
    'not understood, and dropped anyway',
    filter('-A FORWARD -m set --match-set x src -j LOG', '-A FORWARD -j DROP'),
    'closed',
    /DROP/,
  ],
];
for (const [title, rules, answer, says] of cases) {
  test(`reach: ${title}`, () => {
    const found = reach(iptablesRuleset(DOCKER + rules, 'v4'));
    assert.equal(found.answer, answer, found.because);
    assert.match(found.because, says);
  });
}

test('reach: only some get in', () => {
  const rules = iptablesRuleset(
    DOCKER + filter('-A FORWARD -s 10.0.0.0/8 -j ACCEPT', '-A FORWARD -i eth0 -j DROP'),
    'v4',
  );
  const some = reach(rules);
  assert.deepEqual([some.answer, some.only, some.by], ['open', ['10.0.0.0/8'], ['eth0']]);
  assert.equal(reach(rules, { granted: [rangeOf('10.0.0.0/8')] }).answer, 'granted');
  assert.equal(reach(rules, { granted: [rangeOf('10.0.0.0/9')] }).answer, 'open');
});

test('reach: a source port that opens', () => {
  const rules = iptablesRuleset(
    DOCKER + filter('-A FORWARD -p tcp -m tcp --sport 53 -j ACCEPT', '-A FORWARD -i eth0 -j DROP'),
    'v4',
  );
  assert.deepEqual(reach(rules).only, ['anybody from port 53']);
});

const nft = (expr: readonly unknown[], policy = 'accept'): LiveRules => {
  const json = JSON.stringify({
    nftables: [
      { table: { family: 'inet', name: 'hand' } },
      {
        chain: {
          family: 'inet',
          table: 'hand',
          name: 'f',
          type: 'filter',
          hook: 'forward',
          prio: 5,
          policy,
        },
      },
      {
        set: {
          family: 'inet',
          table: 'hand',
          name: 's',
          type: 'ipv4_addr',
          elem: [{ prefix: { addr: '10.0.0.0', len: 8 } }],
        },
      },
      { rule: { family: 'inet', table: 'hand', chain: 'f', handle: 7, expr } },
    ],
  });
  const own = nftRuleset(json, {
    listing: 'table inet hand {\n\t\tthe rule # handle 7\n}',
    skip: new Set(),
  });
  return joined([iptablesRuleset(DOCKER, 'v4'), own]);
};
const match = (left: unknown, right: unknown, op = '=='): unknown => ({
  match: { op, left, right },
});
const dport = { payload: { protocol: 'tcp', field: 'dport' } };
const DROP = { drop: null };
const ORIGINAL = match({ ct: { key: 'direction' } }, 'original');
const rows: readonly (readonly [title: string, rules: LiveRules, answer: Reach['answer']])[] = [
  ['a port', nft([match(dport, 80), DROP]), 'closed'],
  ['another port', nft([match(dport, { range: [81, 90] }), DROP]), 'open'],
  ['a vmap', nft([{ vmap: { key: dport, data: { set: [[80, { drop: null }]] } } }]), 'closed'],
  ['a mark that nobody set', nft([match({ meta: { key: 'mark' } }, 1), DROP]), 'open'],
  ['conntrack status', nft([match({ ct: { key: 'status' } }, 'dnat', 'in'), DROP]), 'closed'],
  ['direction', nft([match({ ct: { key: 'direction' } }, 'original'), DROP]), 'closed'],
  [
    'a set',
    nft([ORIGINAL, match({ payload: { protocol: 'ip', field: 'saddr' } }, '@s', '!='), DROP]),
    'open',
  ],
  ['a policy', nft([match(dport, 81), { accept: null }], 'drop'), 'closed'],
  ['what a newer nft may say', nft([{ tomorrow: {} }, DROP]), 'unknown'],
];
for (const [title, rules, answer] of rows) {
  test(`reach: nft, ${title}`, () => {
    const found = reach(rules);
    assert.equal(found.answer, answer, found.because);
    if (answer === 'closed' && title !== 'a policy')
      assert.equal(found.because, 'table inet hand: f: the rule');
    if (title === 'a set') assert.deepEqual(found.only, ['10.0.0.0/8']);
  });
}

test('ranges: as text, and counted by family', () => {
  for (const text of ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '192.0.2.1-192.0.2.9']) {
    assert.equal(rangeText(rangeOf(text)), text);
  }
  assert.deepEqual(rangeOf('10.0.0.0/255.0.0.0'), prefixRange('10.0.0.0', 8));
  assert.throws(() => rangeOf('10.0.0.0/255.0.255.0'), /mask/);
  assert.equal(
    countSources(['10.0.0.0/8', '10.0.0.0/8', '11.0.0.0/8', '2001:db8::/32'].map(rangeOf)),
    2,
  );
});
