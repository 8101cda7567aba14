/** `iptables-save` and `ip6tables-save`, of either variant. */
import type { Family } from '../firewall/addresses.ts';
import { isEverything, rangeOf, type AddressRange } from './address-range.ts';
import { portRanges, testsOf } from './iptables-matches.ts';
import { dnatTarget, targetSteps } from './iptables-target.ts';
import { parseRule, type ParsedRule } from './iptables-words.ts';
import { PROTOCOLS } from './packet.ts';
import type { BaseChain, Forwarding, Hook, LiveRules, Rule, Step } from './rule-model.ts';

const HOOKS: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};

/** linux/netfilter_ipv4.h. */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  nat: -100,
  filter: 0,
  security: 50,
};

type Told = {
  readonly sources: AddressRange[];
  readonly sourcePorts: number[];
  readonly forwardings: Forwarding[];
};

export function iptablesRuleset(text: string, family: Family): LiveRules {
  const told: Told = { sources: [], sourcePorts: [], forwardings: [] };
  const bases = text
    .split(/^(?=\*)/m)
    .filter((part) => part.startsWith('*'))
    .flatMap((part) => tableBases(part, { family, told }));
  return { bases, ...told };
}

function tableBases(
  part: string,
  { family, told }: { family: Family; told: Told },
): readonly BaseChain[] {
  const [head = '', ...lines] = part.split('\n');
  const name = head.slice(1).trim();
  const table = `${family === 'v4' ? 'ip' : 'ip6'} ${name}`;
  const policies = new Map<string, string>();
  const chains = new Map<string, Rule[]>();
  for (const line of lines) {
    const declared = /^:(\S+) (\S+)/.exec(line);
    if (declared === null) continue;
    policies.set(declared[1] ?? '', declared[2] ?? '');
    chains.set(declared[1] ?? '', []);
  }
  for (const line of lines) {
    const own = line.replace(/^\[\d+:\d+\] /, '');
    if (!own.startsWith('-A ')) continue;
    const { chain, rule, parsed } = ruleOf(own, chains);
    chains.get(chain)?.push(rule);
    if (parsed !== undefined) tell(parsed, { told, text: `table ${table}: ${own}` });
  }
  return [...policies].flatMap(([chain, policy]): readonly BaseChain[] => {
    const hook = HOOKS[chain];
    if (policy === '-' || hook === undefined) return [];
    return [
      {
        table,
        name: chain,
        tool: 'iptables',
        family,
        type: name === 'nat' ? 'nat' : 'filter',
        hook,
        priority: PRIORITIES[name] ?? 0,
        order: 0,
        policy: policy === 'DROP' ? 'drop' : 'accept',
        chains,
      },
    ];
  });
}

function ruleOf(
  line: string,
  chains: ReadonlyMap<string, unknown>,
): { chain: string; rule: Rule; parsed?: ParsedRule } {
  try {
    const parsed = parseRule(line);
    const matches = parsed.groups.flatMap(testsOf).map((test): Step => ({ kind: 'match', test }));
    const steps = [...matches, ...targetSteps(parsed.target, (name) => chains.has(name))];
    return { chain: parsed.chain, rule: { steps, text: line }, parsed };
  } catch {
    const chain = /^-A (\S+)/.exec(line)?.[1] ?? '';
    return { chain, rule: { steps: [{ kind: 'verdict', pick: () => 'unknown' }], text: line } };
  }
}

/** Collects what rules tell apart, so that packets of every kind can be tried. */
function tell({ groups, target }: ParsedRule, { told, text }: { told: Told; text: string }): void {
  const options = groups.flatMap((group) => group.options);
  const values = (...names: readonly string[]): readonly string[] =>
    options
      .filter(({ name }) => names.includes(name))
      .flatMap((option) => option.values.slice(0, 1));
  for (const source of values('-s', '--src-range', '--ctorigsrc')) {
    const range = attempt(() => rangeOf(source));
    if (range !== undefined && !isEverything(range)) told.sources.push(range);
  }
  const ports = (names: readonly string[]): readonly number[] =>
    values(...names).flatMap((each) => attempt(() => portRanges(each))?.flat() ?? []);
  told.sourcePorts.push(...ports(['--sport', '--sports', '--ctorigsrcport']));
  if (target.name !== 'DNAT') return;
  const to = attempt(() =>
    dnatTarget(target.options.find(({ name }) => name === '--to-destination')?.values[0] ?? ''),
  );
  if (to?.address === undefined) return;
  const [protocol] = values('-p');
  told.forwardings.push({
    protocol: protocol === undefined ? undefined : PROTOCOLS[protocol],
    ports: ports(['--dport', '--dports']),
    to: { address: to.address, port: to.port },
    text,
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
