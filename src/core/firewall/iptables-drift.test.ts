import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIREWALL_CASES } from './cases.fixture.ts';
import { iptablesDrift, jumpState, parseSavedTable } from './iptables-drift.ts';
import type { IptablesTable } from './iptables-rules.ts';
import { mangleTables } from './iptables-tables.ts';
import { iptablesText } from './iptables-text.ts';
import { firewallPolicy } from './policy.ts';
import { NO_RULES } from './ruleset.ts';

/** What iptables-save prints once the table was loaded beside somebody else's rule. */
function saved(table: IptablesTable): string {
  const rules = iptablesText(table)
    .replaceAll(/^-I (\S+) 1 /gm, '-A $1 ')
    .replace(
      '*mangle\n',
      '*mangle\n:PREROUTING ACCEPT [1:2]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n',
    );
  return `${rules}-A FORWARD -i wg0 -j MARK --set-xmark 0x7/0xffffffff\n`;
}

test('iptablesDrift(): what was loaded does not differ', () => {
  for (const { snapshot, access, settings } of FIREWALL_CASES) {
    for (const table of mangleTables(firewallPolicy(snapshot, access, settings).ruleset)) {
      assert.deepEqual(iptablesDrift(table, parseSavedTable(saved(table))), []);
    }
  }
});

const [empty] = mangleTables({ ...NO_RULES, bridges: ['docker0'] });
assert.ok(empty);
const table: IptablesTable = empty;
const JUMP = '-A FORWARD -j PORTCULLIS-FWD';

const cases: readonly [
  title: string,
  change: (text: string) => string,
  drift: readonly string[],
  misplaced: readonly string[],
][] = [
  [
    'a jump gone',
    (text) => text.replace(`${JUMP}\n`, ''),
    [
      `iptables mangle FORWARD rule 1: ${JUMP} / -A FORWARD -i wg0 -j MARK --set-xmark 0x7/0xffffffff`,
    ],
    [],
  ],
  [
    'a jump not first',
    (text) => text.replace(JUMP, `-A FORWARD -j ACCEPT\n${JUMP}`),
    [`iptables mangle FORWARD rule 1: ${JUMP} / -A FORWARD -j ACCEPT`],
    [JUMP],
  ],
  [
    'a jump twice',
    (text) => text.replace(JUMP, `${JUMP}\n${JUMP}`),
    [`iptables mangle FORWARD rule 1: ${JUMP} / ${JUMP}, more than once`],
    [JUMP, JUMP],
  ],
  [
    'a jump from elsewhere',
    (text) => `${text}-A POSTROUTING -g PORTCULLIS-FWD\n`,
    ['iptables mangle jumps: nothing else / -A POSTROUTING -g PORTCULLIS-FWD'],
    ['-A POSTROUTING -g PORTCULLIS-FWD'],
  ],
  [
    'a rule gone',
    (text) => text.replace('-A PORTCULLIS-FWD -i lo -j RETURN\n', ''),
    ['iptables mangle PORTCULLIS-FWD rule 2: -i lo -j RETURN / -i docker0 -j RETURN'],
    [],
  ],
  [
    'a chain of an older version',
    (text) => text.replace(':PORTCULLIS-IN', ':PORTCULLIS-OLD - [0:0]\n:PORTCULLIS-IN'),
    ['iptables mangle chains: nothing else / PORTCULLIS-OLD'],
    [],
  ],
];
for (const [title, change, drift, misplaced] of cases) {
  test(`iptablesDrift(): sees ${title}`, () => {
    const live = parseSavedTable(change(saved(table)));
    assert.deepEqual(
      iptablesDrift(table, live).map(
        ({ what, expected, found }) => `${what}: ${expected} / ${found}`,
      ),
      drift,
    );
    assert.deepEqual(jumpState(table, live).misplaced, misplaced);
  });
}
