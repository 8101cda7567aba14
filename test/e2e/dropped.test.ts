/** Clients outside ask without end while Nginx is reloaded and replicas are recreated: what do they lose? */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openDroppedStage, type DroppedStage, type Phase } from '../lab/dropped-stage.ts';
import type { Client } from '../lab/load.ts';

const RELOADS = 20;
const RECREATIONS = 3;
/** Longer than a drain takes on a busy machine. */
const LISTENING_MS = 2_000;
const WITH_POST: readonly Client[] = ['close', 'retry', 'plain', 'post'];

let stage: DroppedStage;
before(async () => {
  stage = await openDroppedStage(LISTENING_MS);
});
after(() => stage?.close());

function nobodyLost({ tallies }: Phase): void {
  for (const [client, { answered, failures }] of Object.entries(tallies)) {
    assert.deepEqual(failures, [], client);
    assert.ok(answered > 50, `${client} was answered ${answered} times`);
  }
}

test('reloads: no request is lost, and a plain keep-alive client loses no more than by a bare reload', async () => {
  const ours = await stage.reloads(RELOADS);
  const bare = await stage.bareReloads(RELOADS);
  nobodyLost(ours);
  nobodyLost(bare);
  assert.deepEqual([ours.reloads, bare.reloads], [RELOADS, RELOADS]);
  const [met, usual] = [ours.tallies.plain?.resets ?? 0, bare.tallies.plain?.resets ?? 0];
  // Two counts of the same chance differ by as much as this.
  assert.ok(met <= usual + 4 * Math.sqrt(met + usual + 1), `${met} resets, ${usual} by bare ones`);
});

test('a replica that is restarted: it is taken out and put back, and no request is lost', async () => {
  const phase = await stage.restart(WITH_POST);
  nobodyLost(phase);
  assert.equal(phase.reloads, 2);
});

test('rolling recreation: no request is lost, POST neither while the old ones listen a moment more', async () => {
  nobodyLost(await stage.recreate(RECREATIONS, 0, WITH_POST));
});

test('rolling recreation of replicas that close their port at SIGTERM: no GET is lost', async () => {
  nobodyLost(await stage.recreate(RECREATIONS, 0));
});

test('without watch.drain a restart on the same port costs no reload, and no GET', async () => {
  const phase = await stage.restartUndrained();
  nobodyLost(phase);
  assert.equal(phase.reloads, 0);
});
