import type { Drift } from '../firewall/drift.ts';
import type { Settings } from '../settings-schema.ts';
import { notChecked, ok, problem, warning, type Check, type Fact } from './check.ts';

export type BootState = 'installed' | 'missing' | 'not enabled' | 'no systemd';

export type FirewallFacts = {
  readonly backend: Fact<string>;
  readonly drift: Fact<readonly Drift[]>;
  readonly boot: Fact<BootState>;
};

export function firewallChecks(
  facts: FirewallFacts,
  { mode }: Settings['firewall'],
): readonly Check[] {
  if (mode === 'off') {
    const fix = 'set firewall.mode: enforce';
    return [warning('firewall', 'is switched off by firewall.mode: off', fix)];
  }
  return [backend(facts), enforced(facts, mode), boot(facts, mode)];
}

function backend(facts: FirewallFacts): Check {
  const name = 'firewall backend';
  if (facts.backend.known) return ok(name, `${facts.backend.value} can be used`);
  const { why } = facts.backend;
  const fix = /no right/.test(why) ? 'sudo portcullis doctor' : 'apt-get install nftables';
  return problem(name, why, fix);
}

function enforced({ drift, backend: { known } }: FirewallFacts, mode: string): Check {
  const name = 'firewall enforced';
  if (!known) return notChecked(name, 'no backend can be used');
  if (!drift.known) return notChecked(name, drift.why);
  const [first] = drift.value;
  if (!first) return ok(name, 'the live rules are the desired ones');
  const count = drift.value.length;
  const shown = `${first.what}: ${first.found} instead of ${first.expected}`.slice(0, 200);
  const what = `${count} difference${count === 1 ? '' : 's'}, as ${shown}`;
  if (mode === 'audit') return warning(name, what, 'set firewall.mode: enforce');
  return problem(name, what, 'portcullis firewall apply');
}

function boot(facts: FirewallFacts, mode: string): Check {
  const name = 'firewall at boot';
  if (mode !== 'enforce') return notChecked(name, `firewall.mode is ${mode}`);
  if (!facts.boot.known) return notChecked(name, facts.boot.why);
  switch (facts.boot.value) {
    case 'installed':
      return ok(name, 'its unit is installed and loads before Docker');
    case 'missing':
      return problem(
        name,
        'its unit is missing or not the one of these settings',
        'portcullis init',
      );
    case 'not enabled': {
      const fix = 'systemctl enable portcullis-firewall.service';
      return problem(name, 'its unit is there but not enabled', fix);
    }
    case 'no systemd':
    default:
      return notChecked(name, 'this host does not run systemd');
  }
}
