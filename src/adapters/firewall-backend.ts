import type { Drift } from '../core/firewall/drift.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';

export type BackendKind = 'nftables' | 'iptables' | 'docker-user';

/** One way to put a ruleset into the kernel. Every one touches only tables and chains of our own. */
export type FirewallBackend = {
  readonly kind: BackendKind;
  /**
   * Makes it so, in one transaction (iptables: one a family). With `previous`, the ruleset that this
   * backend applied last, only the difference is sent.
   *
   * @throws {PortcullisError} `firewall-rejected`; then nothing has changed
   */
  apply(ruleset: Ruleset, previous?: Ruleset): Promise<void>;
  /** Takes every trace away; nothing there is fine. */
  remove(): Promise<void>;
  /** How the kernel differs from `ruleset`; nothing: an empty list. */
  drift(ruleset: Ruleset): Promise<readonly Drift[]>;
  /** The text that `apply` loads. */
  show(ruleset: Ruleset): string;
  /** Paths it cannot close, in plain words. */
  readonly gaps: readonly string[];
  /** What `monitorFirewall` has to watch: tables by nft's name, and whether legacy iptables holds them. */
  readonly watches: { readonly tables: readonly string[]; readonly legacy: boolean };
};

/** Gaps of every rule on the host's IP hooks. */
export const COMMON_GAPS: readonly string[] = [
  'macvlan and ipvlan containers: their packets never pass the host',
  'a network card that is itself a port of a container bridge: what it sends counts as a container',
];
