import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from './exposure.ts';
import { bridgeMembers, daemonFinding } from './host-findings.ts';
import { contradicts, nmapCommands, nmapDifferences, type NmapHost } from './nmap.ts';
import { prometheus } from './prometheus.ts';
import { sarif } from './sarif.ts';

const finding = (changes: Partial<Finding>): Finding => ({
  container: 'web',
  port: 80,
  protocol: 'tcp',
  bind: '0.0.0.0:8080',
  path: 'published-v4',
  verdict: 'open',
  proven: false,
  certain: true,
  reason: 'anybody gets in by eth0',
  ...changes,
});

test('sarif(): only what is open or cannot be guarded, with a level', () => {
  const log = JSON.parse(
    JSON.stringify(
      sarif(
        [
          finding({ fix: 'publish on 127.0.0.1' }),
          finding({ verdict: 'closed' }),
          finding({ verdict: 'public' }),
          finding({ certain: false }),
          finding({ path: 'macvlan', verdict: 'unguardable', bind: '' }),
        ],
        '1.2.3',
      ),
    ),
  );
  const [run] = log.runs;
  assert.equal(log.version, '2.1.0');
  assert.equal(run.tool.driver.version, '1.2.3');
  assert.deepEqual(
    run.results.map(({ ruleId, level }: { ruleId: string; level: string }) => [ruleId, level]),
    [
      ['published-v4', 'error'],
      ['published-v4', 'warning'],
      ['macvlan', 'warning'],
    ],
  );
  assert.equal(
    run.results[0].message.text,
    'web 80/tcp (0.0.0.0:8080): anybody gets in by eth0. Fix: publish on 127.0.0.1.',
  );
  for (const { ruleId, ruleIndex } of run.results) {
    assert.equal(run.tool.driver.rules[ruleIndex].id, ruleId);
  }
});

test('prometheus(): counts, and a line an open path whatever its container is called', () => {
  const container = 'a"b\\c\nd';
  const text = prometheus([finding({ container }), finding({ verdict: 'closed' })], {
    enforced: true,
    disagreements: 2,
    now: 1_800_000_000,
  });
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(lines, [
    'portcullis_audit_paths{verdict="open"} 1',
    'portcullis_audit_paths{verdict="public"} 0',
    'portcullis_audit_paths{verdict="closed"} 1',
    'portcullis_audit_paths{verdict="unguardable"} 0',
    'portcullis_audit_open{container="a\\"b\\\\c\\nd",port="80",protocol="tcp",bind="0.0.0.0:8080",path="published-v4",certain="true",proven="false"} 1',
    'portcullis_audit_disagreements 2',
    'portcullis_audit_firewall_enforced 1',
    'portcullis_audit_timestamp_seconds 1800000000',
  ]);
  assert.ok(text.endsWith('\n'));
});

const scan = (ports: NmapHost['ports'], address = '192.0.2.1'): NmapHost => ({
  address,
  ports,
  scanned: [{ protocol: 'tcp', services: '1-1000,8000-9000' }],
});
const tcp = (port: number, state: string): NmapHost['ports'][number] => ({
  protocol: 'tcp',
  port,
  state,
});

for (const [title, host, findings, expected] of [
  ['both open', scan([tcp(8080, 'open')]), [finding({})], []],
  ['both closed', scan([tcp(8080, 'filtered')]), [finding({ verdict: 'closed' })], []],
  [
    'open only for nmap',
    scan([tcp(8080, 'open')]),
    [finding({ verdict: 'closed' })],
    ['open closed'],
  ],
  ['open only for audit', scan([tcp(8080, 'filtered')]), [finding({})], ['filtered open']],
  ['open for audit, among the rest of the scan', scan([]), [finding({})], ['not open open']],
  ['open for audit, not scanned', scan([]), [finding({ bind: '0.0.0.0:7000' })], []],
  ['no container’s', scan([tcp(22, 'open')]), [], ['open no container port']],
  [
    'public to some, who did not scan',
    scan([]),
    [finding({ verdict: 'public', limited: true })],
    [],
  ],
  ['another family', scan([], '2001:db8::1'), [finding({})], []],
  [
    'one bind of two is open',
    scan([tcp(8080, 'open')]),
    [finding({ verdict: 'closed' }), finding({})],
    [],
  ],
] as const) {
  test(`nmapDifferences(): ${title}`, () => {
    const found = nmapDifferences(host, findings);
    assert.deepEqual(
      found.map(({ nmap, audit }) => `${nmap} ${audit}`),
      expected,
    );
    assert.equal(found.some(contradicts), title.includes('only') || title.includes('rest'));
  });
}

test('nmapCommands(): one a family, ports of both protocols in order', () => {
  const findings = [
    finding({ bind: '0.0.0.0:9000' }),
    finding({}),
    finding({ protocol: 'udp', bind: '0.0.0.0:53' }),
    finding({ path: 'published-v6', bind: '[::]:8080' }),
    finding({ path: 'direct-v4', bind: '' }),
  ];
  assert.deepEqual(nmapCommands(findings, { v4: '192.0.2.1', v6: '2001:db8::1' }), [
    'nmap -n -Pn -sS -sU -p T:8080,9000,U:53 -oX portcullis-v4.xml 192.0.2.1',
    'nmap -n -Pn -sS -6 -p T:8080 -oX portcullis-v6.xml 2001:db8::1',
  ]);
  assert.deepEqual(nmapCommands(findings, { v4: undefined, v6: undefined }), []);
});

test('what is exposed besides containers', () => {
  const closed = { answer: 'closed', by: [], only: [], via: undefined, because: 'X' } as const;
  assert.deepEqual(
    [
      daemonFinding({ protocol: 'tcp', port: 2375 }, undefined),
      daemonFinding({ protocol: 'tcp', port: 2375 }, closed),
      daemonFinding({ protocol: 'tcp', port: 2377 }, undefined),
    ].map(({ what, verdict }) => [what, verdict]),
    [
      ['docker-api', 'open'],
      ['docker-api', 'closed'],
      ['swarm-port', 'open'],
    ],
  );
  const link = { up: true, addresses: [] };
  const facts = {
    interfaces: [
      { ...link, name: 'eth1', kind: '', master: 'docker0' },
      { ...link, name: 'veth1', kind: 'veth', master: 'docker0' },
      { ...link, name: 'eth2', kind: '', master: 'br-lan' },
    ],
    routes: [],
    forwarding: { v4: new Set<string>(), v6: false },
    localnet: new Set<string>(),
    policyRouting: false,
  };
  assert.deepEqual(
    bridgeMembers(facts, ['docker0']).map(({ name, verdict }) => [name, verdict]),
    [['eth1', 'unguardable']],
  );
});
