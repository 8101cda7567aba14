import type { Listening } from '../core/exposure/reachable.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import { rangeOf } from '../core/rules/address-range.ts';
import type { HostFacts } from '../core/rules/host-facts.ts';
import type { Outside } from '../core/rules/reach.ts';
import type { LiveRules } from '../core/rules/rule-model.ts';
import type { Settings } from '../core/settings-schema.ts';

/** What packets from outside meet on this host. */
export type World = {
  readonly rules: LiveRules;
  readonly ruleset: Ruleset;
  readonly settings: Settings;
  readonly listening: Listening;
  /** Every rule could be read. */
  readonly readable: boolean;
};

/** Interfaces that are none of Docker's, and not trusted. */
export function outsideOf({ rules, ruleset, settings }: World, facts: HostFacts): Outside {
  const { trusted_interfaces, trusted_sources } = settings.firewall;
  const inside = new Set(['lo', ...ruleset.bridges, ...trusted_interfaces]);
  return {
    rules,
    facts,
    interfaces: facts.interfaces.filter(
      ({ name, up, master, addresses }) =>
        up && !inside.has(name) && master === undefined && addresses.length > 0,
    ),
    bridges: ruleset.bridges,
    trusted: trusted_sources.map(rangeOf),
  };
}
