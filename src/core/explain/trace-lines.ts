/** What `nft monitor trace` prints, line by line. */
export type TraceStep = {
  readonly id: string;
  /** `inet portcullis`. */
  readonly table: string;
  readonly chain: string;
  /** The rule, `policy`, or '' where a chain was only left. */
  readonly rule: string;
  /** `accept`, `drop`, `jump host_gate`, … */
  readonly verdict: string;
};

/** Rules that decided or led on; what only went on is left out. */
export function traceSteps(text: string, ownTable: string): readonly TraceStep[] {
  return text.split('\n').flatMap((line) => {
    const rule = /^trace id (\S+) (\S+ \S+) (\S+) rule (.*) \(verdict (.+)\)\s*$/.exec(line);
    const policy = /^trace id (\S+) (\S+ \S+) (\S+) policy (\S+)/.exec(line);
    const [, id = '', table = '', chain = ''] = rule ?? policy ?? [];
    if (id === '' || table === ownTable) return [];
    const verdict = rule?.[5] ?? policy?.[4] ?? '';
    if (verdict === 'continue') return [];
    const shown = (rule?.[4] ?? 'policy').replaceAll(/counter packets \d+ bytes \d+ ?/g, '').trim();
    return [{ id, table, chain, rule: shown, verdict }];
  });
}

/** The rule that ended the packet's way; undefined: none did. */
export const decisive = (steps: readonly TraceStep[]): TraceStep | undefined =>
  steps.find(({ verdict }) => verdict === 'drop' || verdict.startsWith('reject'));

/** Who wrote a chain, as far as its name tells. */
export function ownerOf({ table, chain }: Pick<TraceStep, 'table' | 'chain'>): string {
  if (table === 'inet portcullis' || chain.startsWith('PORTCULLIS-')) return 'Portcullis';
  if (/^DOCKER|docker/.test(`${chain}${table}`)) return 'Docker';
  if (chain.startsWith('ufw')) return 'ufw';
  if (table.includes('firewalld')) return 'firewalld';
  return 'somebody else, or the host itself';
}
