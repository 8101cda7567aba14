/** Hostile answers of `GET /networks`, and what must hold of the rules: no name has made one. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { containerAccess } from '../../src/core/container-access.ts';
import { networkFromApi } from '../../src/core/docker/from-network.ts';
import { ShapeError } from '../../src/core/docker/reader.ts';
import { dockerUserTables, mangleTables } from '../../src/core/firewall/iptables-tables.ts';
import { iptablesText } from '../../src/core/firewall/iptables-text.ts';
import { nftablesText } from '../../src/core/firewall/nftables-text.ts';
import { firewallPolicy } from '../../src/core/firewall/policy.ts';
import type { Ruleset } from '../../src/core/firewall/ruleset.ts';
import { isInterfaceName } from '../../src/core/firewall/shapes.ts';
import type { Container, Network } from '../../src/core/model.ts';
import { problemText } from '../../src/core/problem-text.ts';
import { anyText, mostly, seldom, UNSAFE, wrongly } from './texts.ts';

const BRIDGE = 'com.docker.network.bridge.name';
const GATEWAY = 'com.docker.network.bridge.gateway_mode_ipv4';

const network = fc
  .record({
    id: fc.constantFrom('n1', 'n2', 'a'.repeat(64)),
    hostileId: seldom(anyText),
    name: anyText,
    driver: mostly(['bridge', 'bridge', 'overlay', 'macvlan'], ['bridge; flush ruleset', '']),
    bridge: fc.oneof(fc.constantFrom('br-1', 'docker0', ''), anyText),
    subnet: fc.oneof(fc.constantFrom('172.17.0.0/16', 'fd00::/64'), anyText),
    gateway: fc.oneof(fc.constantFrom('routed', 'nat'), anyText),
    option: fc.tuple(anyText, anyText),
  })
  .chain(({ id, hostileId, name, driver, bridge, subnet, gateway, option }) =>
    fc.record({
      Id: wrongly(hostileId ?? id),
      Name: wrongly(name),
      Driver: wrongly(driver),
      Options: wrongly({ [option[0]]: option[1], [BRIDGE]: bridge, [GATEWAY]: gateway }),
      IPAM: wrongly({ Config: [{ Subnet: subnet }] }),
      Internal: wrongly(false),
    }),
  );
export const networks = fc.array(network, { maxLength: 3 });

/** Rules as they are, and with every name replaced, are the same. Gives how many networks were read. */
export function checkRules(containers: readonly Container[], answer: readonly unknown[]): number {
  const read = readNetworks(answer);
  const { renamed, calm } = withoutNames(containers, read);
  const texts = rules(containers, read);
  assert.deepEqual(texts, rules(calm, renamed));
  checkRuleTexts(texts);
  return read.length;
}

/** Nothing in quotes but names of interfaces, and words of ours. */
export function checkRuleTexts(texts: readonly string[]): void {
  for (const text of texts) {
    assert.match(text, /^[\t\n\x20-\x7e]*$/);
    for (const [, quoted = ''] of text.matchAll(/"([^"]*)"/g)) {
      assert.ok(
        isInterfaceName(quoted) || quoted.startsWith('portcullis'),
        `${quoted} in\n${text}`,
      );
    }
  }
}

/** The ruleset as each backend writes it. */
export function ruleTexts(ruleset: Ruleset): readonly string[] {
  const tables = [...mangleTables(ruleset), ...dockerUserTables(ruleset, { v4: true, v6: false })];
  return [nftablesText(ruleset), ...tables.map((table) => iptablesText(table))];
}

function readNetworks(answer: readonly unknown[]): readonly Network[] {
  return answer.flatMap((entry, index) => {
    try {
      return [networkFromApi(entry, index)];
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      assert.doesNotMatch(error.message, UNSAFE);
      return [];
    }
  });
}

/** Names that Docker gives a meaning. */
const MEANT = new Set(['host', 'none', 'bridge', 'docker_gwbridge', 'ingress', 'default', '']);

function withoutNames(containers: readonly Container[], read: readonly Network[]) {
  const names = new Map<string, string>();
  const calmName = (name: string): string => {
    if (MEANT.has(name) || name.startsWith('container:')) return name;
    const known = names.get(name) ?? `net${names.size}`;
    names.set(name, known);
    return known;
  };
  const renamed = read.map(({ bridge, options, ...each }): Network => ({
    ...each,
    name: calmName(each.name),
    ...(bridge !== undefined && isInterfaceName(bridge) && { bridge }),
    options: Object.fromEntries(
      Object.entries(options).filter(([key, value]) => key === GATEWAY && value === 'routed'),
    ),
    subnets: [],
  }));
  const calm = containers.map((container): Container => ({
    ...container,
    ...{ name: 'x', image: 'x', networkMode: calmName(container.networkMode) },
    endpoints: container.endpoints.map((endpoint) => ({
      ...endpoint,
      network: calmName(endpoint.network),
    })),
  }));
  return { renamed, calm };
}

function rules(containers: readonly Container[], read: readonly Network[]): readonly string[] {
  const access = containers.flatMap((each) => containerAccess(each, 'portcullis') ?? []);
  const { ruleset, problems } = firewallPolicy({ containers, networks: read }, access, {
    trustedInterfaces: [],
    trustedSources: [],
    proxyContainer: undefined,
  });
  for (const problem of problems) assert.doesNotMatch(problemText(problem), UNSAFE);
  return ruleTexts(ruleset);
}
