import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Exposure, Finding } from './exposure.ts';
import { findingOf, type Known } from './findings.ts';
import { auditTable } from './table.ts';

const PORT: Exposure = {
  container: 'web',
  port: 80,
  protocol: 'tcp',
  bind: '0.0.0.0:8080',
  path: 'published-v4',
  granted: 'nobody',
  target: { address: 'host', port: 8080 },
  unprotected: false,
  covered: true,
};
const BARE: Known = {
  enforced: false,
  gaps: [],
  engineVersion: '20.10.24',
  loopbackRulesOff: false,
};
const WALL: Known = { ...BARE, enforced: true };
const NEW: Known = { ...BARE, engineVersion: '28.5.2' };

type Case = [string, Partial<Exposure>, Known, Answer | undefined, Finding['verdict'], boolean];
const cases: readonly Case[] = [
  ['no firewall, no packet', {}, BARE, undefined, 'open', false],
  ['our firewall, no packet', {}, WALL, undefined, 'closed', false],
  ['a packet beats our own ruleset', {}, WALL, 'connected', 'open', true],
  ['silence over TCP', {}, BARE, 'silent', 'closed', true],
  ['silence over UDP is no proof', { protocol: 'udp' }, BARE, 'silent', 'open', false],
  ['a refusal is no proof', {}, BARE, 'refused', 'open', false],
  ['a wire that does not work is no proof', {}, BARE, 'unsent', 'open', false],
  ['public to all', { granted: 'everyone' }, WALL, 'connected', 'public', true],
  ['public to some answers a stranger', { granted: 'some' }, WALL, 'connected', 'open', true],
  ['direct on a new engine', { path: 'direct-v4' }, NEW, undefined, 'closed', false],
  ['direct, routed', { path: 'direct-v4', unprotected: true }, NEW, undefined, 'open', false],
  [
    'a host port no label names',
    { path: 'host-network', covered: false },
    WALL,
    undefined,
    'open',
    false,
  ],
  ['macvlan', { path: 'macvlan', target: undefined }, WALL, undefined, 'unguardable', false],
  [
    'no IPv6 rules',
    { path: 'direct-v6' },
    { ...WALL, gaps: ['everything over IPv6: none'] },
    undefined,
    'open',
    false,
  ],
];

for (const [title, exposure, known, answer, verdict, proven] of cases) {
  test(`findingOf(): ${title}`, () => {
    const finding = findingOf({ ...PORT, ...exposure }, known, answer);
    assert.deepEqual([finding.verdict, finding.proven], [verdict, proven]);
    assert.equal(finding.fix !== undefined, verdict === 'open');
  });
}

test('auditTable(): 80 columns, whatever the names', () => {
  const container = 'a-rather-long-project-name-and-a-service-1';
  const port = 65535;
  const findings = (['userland-proxy-v6', 'loopback-neighbour', 'macvlan'] as const).map((path) =>
    findingOf({ ...PORT, container, port, path, protocol: 'sctp' }, BARE, undefined),
  );
  const lines = auditTable(findings);
  assert.equal(lines[0], '2 of 3 paths are open, 0 shown by packets, 1 cannot be guarded');
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
});
