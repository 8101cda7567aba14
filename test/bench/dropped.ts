/** What clients outside lose while Nginx is reloaded, and while a replicated service is recreated. */
import type { Client } from '../lab/load.ts';
import { openDroppedStage, type Phase } from '../lab/dropped-stage.ts';
import { line } from './figures.ts';

const RELOADS = 200;
const RECREATIONS = 50;

export async function benchDropped(): Promise<void> {
  const stage = await openDroppedStage(0);
  try {
    show('reloads by watch', await stage.reloads(RELOADS));
    show('nginx -s reload', await stage.bareReloads(RELOADS));
    const posts: readonly Client[] = ['post'];
    for (const graceMs of [0, 500, 2_000]) {
      await stage.listenOnFor(graceMs);
      const what = `recreations, listening ${graceMs} ms more`;
      show(what, await stage.recreate(RECREATIONS, graceMs));
      show(what, await stage.recreate(RECREATIONS, graceMs, posts));
    }
  } finally {
    await stage.close();
  }
}

function show(what: string, { tallies, reloads, ms }: Phase): void {
  for (const [client, { answered, resets, failures }] of Object.entries(tallies)) {
    line(
      `${what}, ${client}`,
      `${failures.length} failed, ${resets} resets, ${answered} answered, ` +
        `${reloads} reloads in ${(ms / 1_000).toFixed(0)} s`,
    );
    for (const failure of failures.slice(0, 5)) console.log(`    ${failure}`);
  }
}
