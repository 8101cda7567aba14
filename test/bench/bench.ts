/**
 * `npm run bench`: figures of one run, on this machine, for comparison within the run. Needs root and
 * the packages of the lab. `npm run bench one-shot` runs only that part.
 */
import { requireLab } from '../lab/requirements.ts';
import { benchAudit } from './audit.ts';
import { benchDropped } from './dropped.ts';
import { benchFirewall } from './firewall.ts';
import { benchFlow } from './flow.ts';
import { benchProxy } from './proxy.ts';
import { benchOneShot } from './one-shot.ts';
import { benchSwarm } from './swarm.ts';
import { benchWatch } from './watch.ts';

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  'one-shot': benchOneShot,
  watch: benchWatch,
  firewall: benchFirewall,
  flow: benchFlow,
  audit: benchAudit,
  proxy: benchProxy,
  dropped: benchDropped,
  swarm: benchSwarm,
};

requireLab();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
for (const [name, part] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n== ${name}`);
  await part();
}
