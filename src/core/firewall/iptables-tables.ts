import { FAMILIES, type Family } from './addresses.ts';
import {
  containerGateRules,
  heldRules,
  hostGateRules,
  noLoopback,
  notOutside,
  relatedIcmp,
  toBridges,
  type IptablesTable,
} from './iptables-rules.ts';
import type { Ruleset } from './ruleset.ts';

/** Every chain of ours starts so; nothing else is ever declared, flushed or deleted. */
export const CHAIN_PREFIX = 'PORTCULLIS-';
const PRE = 'PORTCULLIS-PRE';
const IN = 'PORTCULLIS-IN';
const FWD = 'PORTCULLIS-FWD';
const HOST = 'PORTCULLIS-HOST';
const CONTAINER = 'PORTCULLIS-CONTAINER';

/**
 * The table `mangle`: nobody else manages it, it is judged before every filter rule, sees the
 * published port before Docker's DNAT, and one table is one commit.
 */
export const mangleTables = (ruleset: Ruleset): readonly IptablesTable[] =>
  FAMILIES.map((family) => ({
    family,
    table: 'mangle',
    chains: [
      {
        name: PRE,
        rules: [
          ...noLoopback(family, { afterNat: false }),
          ...notOutside(ruleset, family),
          ...heldRules(ruleset, { family, gate: HOST, localOnly: true }),
        ],
      },
      { name: IN, rules: inputRules(ruleset, family) },
      { name: FWD, rules: forwardRules(ruleset, family) },
      { name: HOST, rules: hostGateRules(ruleset, family) },
      { name: CONTAINER, rules: containerGateRules(ruleset, { family, withSource: false }) },
    ],
    jumps: [
      { chain: 'PREROUTING', to: PRE },
      { chain: 'INPUT', to: IN },
      { chain: 'FORWARD', to: FWD },
    ],
  }));

/**
 * The table `filter` with Docker's own hook for users. Weaker: it comes after DNAT, so who may use a
 * host port is asked by the connection's first destination.
 *
 * @param hasDockerUser families in which Docker has made its chain; in others FORWARD takes its place
 */
export const dockerUserTables = (
  ruleset: Ruleset,
  hasDockerUser: Readonly<Record<Family, boolean>>,
): readonly IptablesTable[] =>
  FAMILIES.map((family) => ({
    family,
    table: 'filter',
    chains: [
      {
        name: IN,
        rules: [...noLoopback(family, { afterNat: true }), ...inputRules(ruleset, family)],
      },
      { name: FWD, rules: forwardRules(ruleset, family) },
      { name: HOST, rules: hostGateRules(ruleset, family) },
      { name: CONTAINER, rules: containerGateRules(ruleset, { family, withSource: true }) },
    ],
    jumps: [
      { chain: 'INPUT', to: IN },
      { chain: hasDockerUser[family] ? 'DOCKER-USER' : 'FORWARD', to: FWD },
    ],
  }));

/** What a process of the host gets: Docker's proxy, the host network; broadcast and anycast too. */
const inputRules = (ruleset: Ruleset, family: Family): readonly string[] => [
  ...notOutside(ruleset, family),
  ...heldRules(ruleset, { family, gate: HOST, localOnly: false }),
];

/** Knows no port and no container: closed before anybody hears of a new one. */
const forwardRules = (ruleset: Ruleset, family: Family): readonly string[] => [
  ...notOutside(ruleset, family),
  relatedIcmp(family),
  ...toBridges(ruleset, CONTAINER),
];
