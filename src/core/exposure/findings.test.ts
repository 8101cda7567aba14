import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reach } from '../rules/reach.ts';
import type { Exposure, Finding } from './exposure.ts';
import { disagreementOf, findingOf, type Evidence } from './findings.ts';
import { auditTable } from './table.ts';

const PORT: Exposure = {
  container: 'web',
  port: 80,
  protocol: 'tcp',
  bind: '0.0.0.0:8080',
  path: 'published-v4',
  sources: [],
  endpoints: ['172.17.0.2'],
  target: { address: 'host', port: 8080 },
};
const reach = (changes: Partial<Reach>): Reach => ({
  answer: 'closed',
  by: [],
  only: [],
  via: undefined,
  because: 'table ip filter: -A FORWARD -j DROP',
  ...changes,
});
const OPEN = reach({ answer: 'open', by: ['eth0'], via: 'forwarded', because: '' });
const CLOSED = reach({});
const GRANTED = reach({ answer: 'granted' });
const UNKNOWN = reach({ answer: 'unknown', because: '-m set --match-set x src -j DROP' });
const ALL = ['0.0.0.0/0', '::/0'];

const evidence = (changes: Partial<Evidence>): Evidence => ({
  reach: OPEN,
  answer: undefined,
  predicted: undefined,
  enforced: false,
  ...changes,
});

type Case = [
  title: string,
  exposure: Partial<Exposure>,
  evidence: Partial<Evidence>,
  verdict: Finding['verdict'],
  proven: boolean,
  certain: boolean,
];
const cases: readonly Case[] = [
  ['the rules let it in', {}, {}, 'open', false, true],
  ['the rules close it', {}, { reach: CLOSED }, 'closed', false, true],
  ['a rule that is not understood', {}, { reach: UNKNOWN }, 'open', false, false],
  ['rules that cannot be read', {}, { reach: undefined }, 'open', false, false],
  [
    'a packet beats rules',
    {},
    { reach: CLOSED, answer: 'connected', predicted: 'is dropped' },
    'open',
    true,
    true,
  ],
  [
    'a rule for one interface only',
    {},
    { reach: CLOSED, answer: 'connected', predicted: 'passes' },
    'closed',
    false,
    true,
  ],
  [
    'an answer to what is not understood',
    {},
    { reach: UNKNOWN, answer: 'connected', predicted: 'unknown' },
    'open',
    true,
    true,
  ],
  [
    'silence to what is not understood',
    {},
    { reach: UNKNOWN, answer: 'silent', predicted: 'unknown' },
    'closed',
    true,
    true,
  ],
  [
    'silence as expected',
    {},
    { reach: CLOSED, answer: 'silent', predicted: 'is dropped' },
    'closed',
    true,
    true,
  ],
  [
    'silence where an answer was due',
    {},
    { answer: 'silent', predicted: 'passes' },
    'open',
    false,
    true,
  ],
  [
    'silence over UDP is no proof',
    { protocol: 'udp' },
    { reach: CLOSED, answer: 'silent' },
    'closed',
    false,
    true,
  ],
  ['a refusal is no proof', {}, { answer: 'refused' }, 'open', false, true],
  ['a wire that does not work is no proof', {}, { answer: 'unsent' }, 'open', false, true],
  [
    'public to all',
    { sources: ALL },
    { reach: GRANTED, answer: 'connected', predicted: 'passes' },
    'public',
    true,
    true,
  ],
  [
    'public to some',
    { sources: ['192.0.2.0/24'] },
    { reach: GRANTED, answer: 'silent' },
    'public',
    false,
    true,
  ],
  [
    'public to some answers a stranger',
    { sources: ['192.0.2.0/24'] },
    { reach: GRANTED, answer: 'connected', predicted: 'is dropped' },
    'open',
    true,
    true,
  ],
  [
    'macvlan',
    { path: 'macvlan', target: undefined },
    { reach: undefined },
    'unguardable',
    false,
    true,
  ],
];

for (const [title, exposure, changes, verdict, proven, certain] of cases) {
  test(`findingOf(): ${title}`, () => {
    const found = findingOf({ ...PORT, ...exposure }, evidence(changes));
    assert.deepEqual(
      [found.verdict, found.proven, found.certain, found.fix !== undefined],
      [verdict, proven, certain, verdict === 'open'],
    );
    assert.notEqual(found.reason, '');
  });
}

test('findingOf(): what Docker’s proxy answers has a path of its own', () => {
  const proxied = reach({ answer: 'open', by: ['eth0'], via: 'delivered' });
  const found = findingOf(PORT, evidence({ reach: proxied }));
  assert.equal(found.path, 'userland-proxy-v4');
  assert.match(found.fix ?? '', /"userland-proxy": false/);
});

test('findingOf(): who gets in, and which rule sends on, are named', () => {
  const some = reach({ answer: 'open', by: ['eth0', 'wg0'], only: ['10.0.0.0/8'] });
  const { reason } = findingOf({ ...PORT, rule: 'table ip nat: X' }, evidence({ reach: some }));
  assert.equal(reason, '10.0.0.0/8 gets in by eth0, wg0, sent on by table ip nat: X');
});

for (const [answer, predicted, said] of [
  ['connected', 'is dropped', 'is dropped'],
  ['silent', 'passes', 'passes'],
  ['connected', 'passes', undefined],
  ['refused', 'passes', undefined],
  ['silent', 'unknown', undefined],
  [undefined, 'passes', undefined],
] as const) {
  test(`disagreementOf(): ${answer ?? 'no packet'} where it ${predicted}`, () => {
    assert.equal(disagreementOf(PORT, evidence({ answer, predicted }))?.said, said);
  });
}

test('auditTable(): 80 columns, whatever the names', () => {
  const container = 'a-rather-long-project-name-and-a-service-1';
  const port = 65535;
  const findings = (['userland-proxy-v6', 'loopback-neighbour', 'macvlan'] as const).map((path) =>
    findingOf({ ...PORT, container, port, path, protocol: 'sctp' }, evidence({})),
  );
  const lines = auditTable({ findings });
  assert.equal(lines[0], '2 of 3 paths are open, 0 shown by packets, 1 cannot be guarded');
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
});
