/** Every packet filter rule of this host, whoever wrote it. Reads only; loads no table that is not there. */
import { FAMILIES, type Family } from '../core/firewall/addresses.ts';
import { iptablesRuleset } from '../core/rules/iptables-ruleset.ts';
import { nftRuleset, nftTables } from '../core/rules/nft-ruleset.ts';
import { joined, ordered, type LiveRules } from '../core/rules/rule-model.ts';
import { iptablesCommand, legacyTables, runIfThere } from './iptables-commands.ts';
import type { Run } from './run.ts';

export type ReadRules = {
  readonly rules: LiveRules;
  /** What could not be read, and so is not in `rules`. */
  readonly unread: readonly string[];
};

export async function readRules(run: Run): Promise<ReadRules> {
  const unread: string[] = [];
  const [saves, json, listing] = await Promise.all([
    Promise.all(FAMILIES.map((family) => savesOf(run, family, unread))),
    nft(run, ['-j', 'list', 'ruleset'], unread),
    nft(run, ['-a', 'list', 'ruleset'], unread),
  ]);
  const all: LiveRules[] = [];
  const tables = json === '' ? [] : nftTables(json);
  // What iptables made it prints better than nft, which has no words for its extensions.
  const skip = new Set<string>();
  for (const [at, family] of FAMILIES.entries()) {
    for (const { text, ofNft } of saves[at] ?? []) {
      const saved = iptablesRuleset(text, family);
      all.push(ordered(saved, ofNft ? tables : []));
      if (!ofNft) continue;
      for (const [, table] of text.matchAll(/^\*(\S+)/gm)) {
        skip.add(`${family === 'v4' ? 'ip' : 'ip6'} ${table ?? ''}`);
      }
    }
  }
  if (json !== '') all.push(nftRuleset(json, { listing, skip }));
  return { rules: joined(all), unread };
}

async function nft(run: Run, args: readonly string[], unread: string[]): Promise<string> {
  const result = await runIfThere(run, 'nft', args);
  // Without nft there may be rules of nft all the same; who has no such program has few.
  if (result === undefined) return '';
  if (result.code === 0) return result.stdout;
  unread.push(`the rules of nft (${result.stderr.trim().split('\n')[0] ?? ''})`);
  return '';
}

type Save = { readonly text: string; readonly ofNft: boolean };

async function savesOf(run: Run, family: Family, unread: string[]): Promise<readonly Save[]> {
  const [nftSave, legacy] = await Promise.all([
    runIfThere(run, iptablesCommand(family, 'nft', 'save'), []),
    legacyTables(run, family),
  ]);
  const saves: Save[] = [];
  if (nftSave?.code === 0) saves.push({ text: nftSave.stdout, ofNft: true });
  else if (nftSave !== undefined) {
    unread.push(`${iptablesCommand(family, 'nft', 'save')}: ${nftSave.stderr.trim()}`);
  }
  if (legacy.length === 0) return saves;
  const command = iptablesCommand(family, nftSave === undefined ? '' : 'legacy', 'save');
  for (const table of legacy) {
    const saved = await runIfThere(run, command, ['-t', table]);
    if (saved?.code === 0) saves.push({ text: saved.stdout, ofNft: false });
    else unread.push(`the ${family} table ${table} of iptables-legacy`);
  }
  return saves;
}
