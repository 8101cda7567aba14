/** A Swarm that changes while `watch` runs on its three nodes: its authority is rotated, a worker promoted, a manager demoted. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startAgent } from '../lab/agent.ts';
import { HOST_V4 } from '../lab/lab.ts';
import { SECOND_V4, THIRD_V4 } from '../lab/nodes.ts';
import { nodeId, onlyOn, openSwarm, type Machine, type SwarmStage } from '../lab/swarm-stage.ts';
import { waitUntil } from '../lab/wait-until.ts';

/** Docker itself takes up to half a minute. */
const LIMIT_MS = 90_000;

let stage: SwarmStage;
let one: Machine;
let two: Machine;
let worker: Machine;

before(async () => {
  // So long that no list taken now and then hides what was missed.
  stage = await openSwarm('10m');
  ({ one, two, worker } = stage);
  two.watch();
  worker.watch();
  await asks(worker, THIRD_V4);
  one.watch();
  await one.watching().saw(/swarm-served/);
});
after(() => stage.close());

const asks = (at: Machine, ...addresses: readonly string[]): Promise<true> =>
  waitUntil(
    `${at.address} has the services from ${addresses.join(' or ')}`,
    async () => {
      const status = await at.swarm();
      return status && addresses.includes(status.from) && status.error === undefined;
    },
    LIMIT_MS,
  );

/** A service that is new is known to those nodes. */
async function learn(port: number, ...nodes: readonly Machine[]): Promise<void> {
  const publish = `mode=ingress,published=${port},target=80`;
  await stage.service(`of-${port}`, publish, onlyOn('nowhere'));
  for (const at of nodes) {
    await waitUntil(`${at.address} knows port ${port}`, async () =>
      (await at.held()).includes(String(port)),
    );
    // What a command finds by itself is not what watch knows.
    const kept = join(at.lab.folder, 'state/swarm-services.json');
    await waitUntil(`watch on ${at.address} knows it`, async () =>
      (await readFile(kept, 'utf8')).includes(`"of-${port}"`),
    );
  }
}

const certificate = (at: Machine, name: string): Promise<string> =>
  readFile(join(at.lab.folder, 'docker/data/swarm/certificates', name), 'utf8');

test('each node learns of a new service', () => learn(7001, one, two, worker));

test('the authority of the Swarm is rotated: nobody is lost, and who starts afterwards is believed', async () => {
  const nodes = [one, two, worker];
  const authority = await certificate(one, 'swarm-root-ca.crt');
  const saidBefore = worker.watching().output().length;
  await one.engine.docker('swarm', 'ca', '--rotate', '--detach');
  await learn(7002, ...nodes);
  for (const at of nodes) {
    await waitUntil(
      `${at.address} has the new authority`,
      async () => (await certificate(at, 'swarm-root-ca.crt')) !== authority,
      LIMIT_MS,
    );
  }
  assert.doesNotMatch(worker.watching().output().slice(saidBefore), /swarm-lost/);
  await worker.unwatch();
  const again = worker.watch();
  await again.saw(/firewall-enforced/);
  await asks(worker, HOST_V4, THIRD_V4);
  await learn(7003, ...nodes);
  assert.doesNotMatch(again.output(), /manager-lost|swarm-lost/);
});

test('a worker that is promoted reads the services itself, and answers others', async () => {
  await one.engine.docker('node', 'promote', await nodeId(worker));
  await worker.watching().saw(/swarm-served/, LIMIT_MS);
  await asks(worker, 'engine');
  assert.equal((await worker.swarm())?.role, 'manager');
  await learn(7004, one, two, worker);
});

test('a manager that is demoted answers no more, and asks the others', async () => {
  const outside = startAgent(stage.lab.outside.name, stage.lab.cleanup);
  assert.notEqual(await outside.dial('tcp', THIRD_V4, 2378), 'refused');
  await one.engine.docker('node', 'demote', await nodeId(two));
  await asks(two, HOST_V4, SECOND_V4);
  assert.equal((await two.swarm())?.role, 'worker');
  assert.equal(await outside.dial('tcp', THIRD_V4, 2378), 'refused');
  await learn(7005, one, two, worker);
  await one.unwatch();
  await asks(two, SECOND_V4);
  await learn(7006, two, worker);
});

test('and promoted again it is a manager as before', async () => {
  await one.engine.docker('node', 'promote', await nodeId(two));
  await asks(two, 'engine');
  await learn(7007, two, worker);
});
