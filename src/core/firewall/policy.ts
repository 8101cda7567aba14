import type { Container, Problem, Snapshot } from '../model.ts';
import type { ContainerAccess, FirewallSettings } from './access.ts';
import { disjointNetworks } from './addresses.ts';
import { isContainer } from './container-network.ts';
import { containerGrants, mergedGrants, mergedRouted } from './grants.ts';
import { heldPorts } from './held-ports.ts';
import type { Ruleset } from './ruleset.ts';
import { isInterfaceName } from './shapes.ts';

export type FirewallPolicy = { readonly ruleset: Ruleset; readonly problems: readonly Problem[] };

/** What the snapshot, the labels and the settings allow, and which wishes cannot be met. */
export function firewallPolicy(
  snapshot: Snapshot,
  access: readonly ContainerAccess[],
  settings: FirewallSettings,
): FirewallPolicy {
  const byId = new Map(access.map((each) => [each.containerId, each]));
  const accessOf = ({ id }: Container): ContainerAccess | undefined => byId.get(id);
  const context = { snapshot, labelPrefix: settings.labelPrefix ?? 'portcullis', accessOf };

  const asked = snapshot.containers.flatMap((container) => {
    const own = accessOf(container);
    return own ? [containerGrants(container, own, context)] : [];
  });
  const proxy = snapshot.containers
    .filter(
      (each) => settings.proxyContainer !== undefined && isContainer(each, settings.proxyContainer),
    )
    .map((each) => containerGrants(each, proxyAccess(each, accessOf(each)), context));
  const bridges = bridgeNames(snapshot);

  return {
    ruleset: {
      bridges: bridges.filter(isInterfaceName),
      trustedInterfaces: [...new Set(settings.trustedInterfaces)].toSorted(),
      trustedSources: disjointNetworks(settings.trustedSources),
      held: heldPorts(snapshot, accessOf),
      grants: mergedGrants([...asked, ...proxy].flatMap(({ grants }) => grants)),
      routed: mergedRouted([...asked, ...proxy].flatMap(({ routed }) => routed)),
    },
    // The proxy's role is no label: where it publishes nothing, nobody asked for anything.
    problems: [
      ...asked.flatMap(({ problems }) => problems),
      ...bridges.filter((name) => !isInterfaceName(name)).map(unwritableBridge),
    ].toSorted((a, b) => (`${a.container} ${a.reason}` < `${b.container} ${b.reason}` ? -1 : 1)),
  };
}

const proxyAccess = ({ id }: Container, own: ContainerAccess | undefined): ContainerAccess => ({
  containerId: id,
  hostNetworkPorts: own?.hostNetworkPorts ?? [],
  public: { ports: 'all', from: [] },
});

/** Bridges by the name Docker gave them, never by a pattern: `br-lan` may be the user's own. */
function bridgeNames({ networks }: Snapshot): readonly string[] {
  const names = networks.flatMap(({ name, bridge }) => {
    if (bridge !== undefined && bridge !== '') return [bridge];
    return name === 'docker_gwbridge' ? ['docker_gwbridge'] : [];
  });
  return [...new Set(names)].toSorted();
}

const unwritableBridge = (bridge: string): Problem => ({
  container: '',
  label: '',
  reason: `the bridge ${JSON.stringify(bridge)} cannot be guarded: its name is not made of letters, digits, ".", "_", "@", ":" and "-"`,
});
