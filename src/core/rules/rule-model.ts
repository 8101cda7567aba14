/** A live ruleset of anybody, made ready to be asked about packets. */
import type { Family } from '../firewall/addresses.ts';
import type { AddressRange, HexAddress } from './address-range.ts';
import type { Packet, Tri } from './packet.ts';

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'return' | 'continue' | 'unknown' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

/** `undefined` where the rule does not apply after all, as a map without the key. */
export type Change = (packet: Packet, host: HostView) => Packet | 'unknown' | undefined;

export type Step =
  | { readonly kind: 'match'; readonly test: (packet: Packet, host: HostView) => Tri }
  /** A mark is set, tracking is left out: the packet goes on changed. */
  | { readonly kind: 'change'; readonly change: Change }
  /** The destination is rewritten, and the chain is done. */
  | { readonly kind: 'dnat'; readonly change: Change }
  | {
      readonly kind: 'verdict';
      readonly pick: (packet: Packet, host: HostView) => Verdict | 'unknown' | undefined;
    };

export type Rule = {
  readonly steps: readonly Step[];
  /** As its owner's tool prints it. */
  readonly text: string;
};

export type Hook = 'ingress' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** Chains that a base chain may jump to. */
export type Chains = ReadonlyMap<string, readonly Rule[]>;

export type BaseChain = {
  /** `inet portcullis`, `ip filter`, … */
  readonly table: string;
  readonly name: string;
  readonly tool: 'nft' | 'iptables';
  /** `both`: an inet or netdev table. */
  readonly family: Family | 'both';
  readonly type: 'filter' | 'nat';
  readonly hook: Hook;
  readonly priority: number;
  /** Place of its table among those of nft; of two with one priority the younger is asked first. */
  readonly order: number;
  readonly policy: 'accept' | 'drop';
  /** Only of the hook `ingress`; undefined: not known. */
  readonly device?: string;
  readonly chains: Chains;
};

/** A port of the host that a rule sends on to an address of its own choice. */
export type Forwarding = {
  readonly protocol: number | undefined;
  readonly ports: readonly number[];
  readonly to: { readonly address: HexAddress; readonly port: number | undefined };
  readonly text: string;
};

export type LiveRules = {
  readonly bases: readonly BaseChain[];
  /** Sources that some rule tells apart. */
  readonly sources: readonly AddressRange[];
  /** Source ports that some rule tells apart, both ends of each range. */
  readonly sourcePorts: readonly number[];
  readonly forwardings: readonly Forwarding[];
};

/** What rules ask about the host itself. */
export type HostView = {
  readonly addressType: (address: HexAddress) => 'local' | 'broadcast' | 'multicast' | 'unicast';
  /** Name of the interface that a packet to this address leaves by. */
  readonly routeTo: (address: HexAddress) => string | undefined;
  /** First address of an interface, which REDIRECT takes. */
  readonly firstAddress: (name: string, family: Family) => HexAddress | undefined;
  readonly kindOf: (name: string) => string | undefined;
};

export const NO_RULES: LiveRules = { bases: [], sources: [], sourcePorts: [], forwardings: [] };

/** The same rules, with the places of their tables in `nft list ruleset`, where they are in it. */
export const ordered = (rules: LiveRules, tables: readonly string[]): LiveRules => ({
  ...rules,
  bases: rules.bases.map((base) => ({ ...base, order: tables.indexOf(base.table) })),
});

export const joined = (all: readonly LiveRules[]): LiveRules => ({
  bases: all.flatMap(({ bases }) => bases),
  sources: all.flatMap(({ sources }) => sources),
  sourcePorts: [...new Set(all.flatMap(({ sourcePorts }) => sourcePorts))],
  forwardings: all.flatMap(({ forwardings }) => forwardings),
});
