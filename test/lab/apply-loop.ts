/** Applies one ruleset after the other until it is killed: `apply-loop.js <backend> <file of rulesets>`. */
import { readFileSync } from 'node:fs';
import { chooseBackend } from '../../src/adapters/choose-backend.ts';
import { run } from '../../src/adapters/run.ts';
import type { Ruleset } from '../../src/core/firewall/ruleset.ts';

const [kind = '', file = ''] = process.argv.slice(2);
if (kind !== 'nftables' && kind !== 'iptables' && kind !== 'docker-user') {
  throw new Error(`no backend: ${kind}`);
}
const rulesets: readonly Ruleset[] = JSON.parse(readFileSync(file, 'utf8'));
const backend = await chooseBackend(run, kind);
for (;;) for (const ruleset of rulesets) await backend.apply(ruleset);
