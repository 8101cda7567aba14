import { askedChains, NFT_TABLE, nftSets, type NftSet } from './nftables-sets.ts';
import type { Ruleset } from './ruleset.ts';

export type NftChain = {
  readonly name: string;
  /** `type … hook … priority …; policy …;` of a base chain. */
  readonly base?: string;
  readonly rules: readonly string[];
};

/** A neighbour's frame may ask for 127.0.0.1: Docker's DNAT comes before the kernel's own check. */
const EARLY: readonly string[] = [
  'iifname "lo" accept',
  'ip daddr 127.0.0.0/8 counter drop',
  'ip saddr 127.0.0.0/8 counter drop',
  'ip6 daddr ::1 counter drop',
  'ip6 saddr ::1 counter drop',
];

/**
 * Answers first, by direction and not by state: a revoked connection ends with its next packet, and
 * what a container opened itself lives on. "accept" ends only our chain; all others still judge.
 */
const NOT_OUTSIDE: readonly string[] = [
  'ct direction reply accept',
  'iifname "lo" accept',
  'iifname @bridges accept',
  'iifname @trusted_interfaces accept',
  'ip saddr @trusted_sources4 accept',
  'ip6 saddr @trusted_sources6 accept',
];

const HELD_AT: readonly string[] = [
  'meta l4proto . th dport . ip daddr @held_at4 goto host_gate',
  'meta l4proto . th dport . ip6 daddr @held_at6 goto host_gate',
];

const refuse = (prefix: string): readonly string[] => [
  `limit rate 5/second log prefix "${prefix}"`,
  'counter drop',
];

const GATES: readonly NftChain[] = [
  {
    name: 'early',
    base: 'type filter hook prerouting priority raw - 10; policy accept;',
    rules: EARLY,
  },
  {
    // Before Docker's DNAT: the port is still the published one, and a source can be told for it.
    name: 'prerouting',
    base: 'type filter hook prerouting priority mangle; policy accept;',
    rules: [
      ...NOT_OUTSIDE,
      'meta l4proto . th dport @held fib daddr type local goto host_gate',
      ...HELD_AT,
    ],
  },
  {
    // What a process of the host gets: Docker's proxy, the host network; broadcast and anycast too.
    name: 'input',
    base: 'type filter hook input priority mangle; policy accept;',
    rules: [...NOT_OUTSIDE, 'meta l4proto . th dport @held goto host_gate', ...HELD_AT],
  },
  {
    // Knows no port and no container: closed before anybody hears of a new one.
    name: 'forward',
    base: 'type filter hook forward priority filter - 10; policy accept;',
    rules: [
      ...NOT_OUTSIDE,
      // "Fragmentation needed" for a granted connection comes in its first direction.
      'meta l4proto { icmp, ipv6-icmp } ct state related accept',
      'oifname @bridges goto container_gate',
    ],
  },
  {
    name: 'host_gate',
    rules: [
      'meta l4proto . th dport . ip saddr @from4 counter accept',
      'meta l4proto . th dport . ip6 saddr @from6 counter accept',
      'meta l4proto . th dport . ip daddr . ip saddr @from_at4 counter accept',
      'meta l4proto . th dport . ip6 daddr . ip6 saddr @from_at6 counter accept',
      ...refuse('portcullis host port: '),
    ],
  },
  {
    name: 'container_gate',
    rules: [
      'ct status dnat meta l4proto . ip daddr . th dport vmap @open4',
      'ct status dnat meta l4proto . ip6 daddr . th dport vmap @open6',
      'meta l4proto . ip daddr . th dport . ip saddr @routed4 counter accept',
      'meta l4proto . ip6 daddr . th dport . ip6 saddr @routed6 counter accept',
      'goto refuse_container',
    ],
  },
  { name: 'refuse_container', rules: refuse('portcullis container: ') },
];

/** All chains, in the order nft lists them: base and fixed ones, then those of the grants. */
export const nftChains = (ruleset: Ruleset): readonly NftChain[] => [
  ...GATES,
  ...askedChains(ruleset),
];

/** The whole table as one transaction for `nft -f`: whatever was in it before is replaced. */
export const nftablesText = (ruleset: Ruleset): string =>
  [
    `# Written by Portcullis. Changes here are undone.`,
    `table ${NFT_TABLE}`,
    `delete table ${NFT_TABLE}`,
    tableBlock(ruleset, NFT_TABLE),
  ].join('\n');

/**
 * The same table under another name and asleep. What nft prints of it is how this version of nft
 * spells our rules; no packet meets it.
 */
export const nftablesTwin = (ruleset: Ruleset): string =>
  `table ${NFT_TWIN}\ndelete table ${NFT_TWIN}\n${tableBlock(ruleset, NFT_TWIN, '\tflags dormant\n')}`;

export const NFT_TWIN = 'inet portcullis_twin';

function tableBlock(ruleset: Ruleset, table: string, flags = ''): string {
  const blocks = [...nftSets(ruleset).map(setBlock), ...declared(ruleset).map(chainBlock)];
  return `table ${table} {\n${flags}${blocks.join('\n')}}\n`;
}

/** A verdict needs its chain to be there already, so the ones jumped to come first. */
const declared = (ruleset: Ruleset): readonly NftChain[] =>
  nftChains(ruleset).toSorted(
    (a, b) => Number(a.base !== undefined) - Number(b.base !== undefined),
  );

function setBlock({ name, kind, type, interval, elements }: NftSet): string {
  const lines = [
    `\ttype ${type}`,
    ...(interval ? ['\tflags interval'] : []),
    ...(elements.length > 0 ? [`\telements = { ${elements.join(',\n\t\t')} }`] : []),
  ];
  return block(`${kind} ${name}`, lines);
}

const chainBlock = ({ name, base, rules }: NftChain): string =>
  block(
    `chain ${name}`,
    [...(base === undefined ? [] : [base]), ...rules].map((line) => `\t${line}`),
  );

const block = (head: string, lines: readonly string[]): string =>
  `\t${head} {\n${lines.map((line) => `\t${line}\n`).join('')}\t}\n`;
