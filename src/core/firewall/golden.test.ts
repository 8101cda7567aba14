/** fixtures/firewall/<case>/: what every backend loads, side by side. UPDATE=1 writes them anew; look at the diff. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FIREWALL_CASES } from './cases.fixture.ts';
import { dockerUserTables, mangleTables } from './iptables-tables.ts';
import { iptablesText } from './iptables-text.ts';
import { nftablesText } from './nftables-text.ts';
import { firewallPolicy } from './policy.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..', 'fixtures', 'firewall');

for (const { name, snapshot, access, settings } of FIREWALL_CASES) {
  const { ruleset } = firewallPolicy(snapshot, access, settings);
  const texts: Record<string, string> = { 'rules.nft': nftablesText(ruleset) };
  for (const table of mangleTables(ruleset)) texts[`rules.${table.family}`] = iptablesText(table);
  for (const table of dockerUserTables(ruleset, { v4: true, v6: true })) {
    texts[`docker-user.${table.family}`] = iptablesText(table);
  }
  for (const [file, text] of Object.entries(texts)) {
    test(`firewall golden: ${name}: ${file}`, () => {
      const path = join(root, name, file);
      if (process.env['UPDATE'] === '1') {
        mkdirSync(join(root, name), { recursive: true });
        writeFileSync(path, text);
      }
      assert.equal(text, readFileSync(path, 'utf8'));
    });
  }
}
