import { askedChains, NFT_TABLE, nftSets } from './nftables-sets.ts';
import type { Ruleset } from './ruleset.ts';

/**
 * What turns the table of `before` into that of `after`, as one nft transaction; '' where nothing
 * differs. Only elements move, so its size is that of the change and rules keep their counters.
 */
export function grantChange(before: Ruleset, after: Ruleset): string {
  const wanted = new Map(nftSets(after).map((set) => [set.name, set.elements]));
  const removed: string[] = [];
  const added: string[] = [];
  for (const { name, kind, elements } of nftSets(before)) {
    const next = wanted.get(name) ?? [];
    const gone = without(elements, next);
    // A map's element is deleted by its key.
    const keys = kind === 'map' ? gone.map((element) => element.split(' : ')[0]) : gone;
    if (gone.length > 0) removed.push(`delete element ${NFT_TABLE} ${name} { ${keys.join(', ')} }`);
    const fresh = without(next, elements);
    if (fresh.length > 0) added.push(`add element ${NFT_TABLE} ${name} { ${fresh.join(', ')} }`);
  }
  const old = askedChains(before);
  const now = askedChains(after);
  const names = (chains: typeof old): readonly string[] => chains.map(({ name }) => name);
  const freshNames = new Set(without(names(now), names(old)));
  const chains = now
    .filter(({ name }) => freshNames.has(name))
    .flatMap(({ name, rules }) => [
      `add chain ${NFT_TABLE} ${name}`,
      ...rules.map((rule) => `add rule ${NFT_TABLE} ${name} ${rule}`),
    ]);
  // A chain that an element still points to cannot go, nor can an element point to one not there yet.
  const unused = without(names(old), names(now)).map((name) => `delete chain ${NFT_TABLE} ${name}`);
  const lines = [...removed, ...chains, ...added, ...unused];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function without(list: readonly string[], other: readonly string[]): readonly string[] {
  const known = new Set(other);
  return list.filter((each) => !known.has(each));
}
