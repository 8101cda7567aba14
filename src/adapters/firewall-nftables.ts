import { grantChange } from '../core/firewall/nftables-change.ts';
import { nftDrift, nftRuleDrift, parseNftTable } from '../core/firewall/nftables-drift.ts';
import { NFT_TABLE } from '../core/firewall/nftables-sets.ts';
import { NFT_TWIN, nftablesText, nftablesTwin } from '../core/firewall/nftables-text.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import { PortcullisError } from '../errors.ts';
import { COMMON_GAPS, type FirewallBackend } from './firewall-backend.ts';
import type { Run } from './run.ts';

export function nftablesBackend(run: Run): FirewallBackend {
  /** Seen once that this nft prints our rules as we write them; they never change, only elements do. */
  let spellsAsWeDo = false;
  return {
    kind: 'nftables',
    gaps: COMMON_GAPS,
    watches: { tables: [NFT_TABLE], legacy: false },
    show: nftablesText,
    async apply(ruleset, previous) {
      if (previous && (await change(run, grantChange(previous, ruleset)))) return;
      await load(run, nftablesText(ruleset));
    },
    // Adding it first makes the deletion right also where it is not there.
    remove: () => load(run, `table ${NFT_TABLE}\ndelete table ${NFT_TABLE}\n`),
    async drift(ruleset) {
      const live = await readTable(run, NFT_TABLE);
      const found = live === undefined ? undefined : parseNftTable(live);
      const expected = parseNftTable(nftablesText(ruleset));
      const drift = nftDrift(expected, found);
      if (found === undefined || spellsAsWeDo) return drift;
      if (nftRuleDrift(expected, found).length === 0) {
        spellsAsWeDo = true;
        return drift;
      }
      // Before a rule is called wrong: is it only this version of nft that spells it in another way?
      return nftDrift(await spelledByNft(run, ruleset), found);
    },
  };
}

/** True if done; false if the live table is not what the change starts from, and a full one is due. */
async function change(run: Run, script: string): Promise<boolean> {
  if (script === '') return true;
  const { code } = await run('nft', ['-f', '-'], { stdin: script });
  return code === 0;
}

async function load(run: Run, script: string): Promise<void> {
  const { code, stderr } = await run('nft', ['-f', '-'], { stdin: script });
  if (code === 0) return;
  throw new PortcullisError(
    'firewall-rejected',
    `nft refused the ruleset (exit code ${code}); nothing was changed`,
    { detail: `${stderr.trim()}\n--- ruleset ---\n${script}` },
  );
}

/** `undefined` where there is no such table. */
async function readTable(run: Run, table: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await run('nft', ['-s', 'list', 'table', ...table.split(' ')]);
  if (code === 0) return `\n${stdout}`;
  if (stderr.includes('No such file or directory')) return undefined;
  throw new PortcullisError('firewall-unavailable', `nft cannot list the table ${table}`, {
    detail: stderr.trim(),
  });
}

async function spelledByNft(run: Run, ruleset: Ruleset): ReturnType<typeof readTwin> {
  await load(run, nftablesTwin(ruleset));
  try {
    return await readTwin(run);
  } finally {
    await load(run, `table ${NFT_TWIN}\ndelete table ${NFT_TWIN}\n`);
  }
}

const readTwin = async (run: Run) => parseNftTable((await readTable(run, NFT_TWIN)) ?? '');
