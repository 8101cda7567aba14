/** Random things happen to a real `watch` for a while; the oracle looks at each quiet moment. */
import { get } from '../lab/http.ts';
import { lastLines } from '../lab/processes.ts';
import { randomOf, type Random } from '../support/random.ts';
import { OPERATIONS } from './operations.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { grew, growthOf, usageOf, type Growth, type Usage } from './usage.ts';
import { openWorld, type World } from './world.ts';

export type SoakOptions = {
  readonly seconds: number;
  readonly seed: number;
  readonly say: (line: string) => void;
};

export type SoakResult = {
  readonly operations: Readonly<Record<string, number>>;
  readonly refused: number;
  /** How often the oracle looked. */
  readonly looks: number;
  /** Events seen, reloads and passes, as `status` tells. */
  readonly events: { readonly seen: number; readonly reloads: number; readonly reconciles: number };
  readonly repairs: number;
  readonly growth: Growth;
  /** Also what was left behind at the end, and a growth. */
  readonly mismatches: readonly string[];
};

/** Below this the heap is still warming up. */
const GROWTH_FROM_SECONDS = 600;

export async function soak({ seconds, seed, say }: SoakOptions): Promise<SoakResult> {
  const world = await openWorld(randomOf(seed));
  try {
    return await play(world, { seconds, seed, say });
  } finally {
    await world.lab.close();
  }
}

async function play(world: World, { seconds, say }: SoakOptions): Promise<SoakResult> {
  const oracle = createOracle(world);
  const end = performance.now() + seconds * 1_000;
  const operations: Record<string, number> = {};
  const samples: Usage[] = [];
  const mismatches: string[] = [];
  let [refused, looks] = [0, 0];
  while (performance.now() < end) {
    const history: string[] = [];
    const most = 1 + Math.floor(world.random.next() * 6);
    while (history.length < most && world.dockerRules) {
      const name = pickByWeight(world.random);
      const done = await OPERATIONS[name]?.run(world);
      if (!done) continue;
      operations[name] = (operations[name] ?? 0) + 1;
      if (done.refused === true) refused += 1;
      history.push(`${name} ${done.to}${done.refused === true ? ' (refused)' : ''}`);
    }
    const found = await lookAt(oracle, history, say);
    looks += 1;
    mismatches.push(...found);
    if (found.length > 0) say(`watch says:\n${lastLines(world.watch.output())}`);
    if (world.watch.child.exitCode !== null) break;
    if (!world.dockerRules) await world.engine.restart(); // it writes its rules when it starts
    world.dockerRules = true;
    samples.push(usageOf(world.watch.pid));
  }
  const growth = growthOf(samples);
  if (seconds >= GROWTH_FROM_SECONDS && grew(growth)) mismatches.push('watch grew');
  const { events, firewall } = await statusOf(world);
  mismatches.push(...(await takenAway(world, oracle)));
  for (const each of mismatches) say(`mismatch: ${each}`);
  return { operations, refused, looks, events, repairs: firewall.repairs, growth, mismatches };
}

function pickByWeight({ next }: Random): string {
  const all = Object.entries(OPERATIONS);
  let rest = next() * all.reduce((sum, [, { weight }]) => sum + weight, 0);
  for (const [name, { weight }] of all) {
    rest -= weight;
    if (rest < 0) return name;
  }
  return 'run';
}

async function lookAt(
  oracle: Oracle,
  history: readonly string[],
  say: SoakOptions['say'],
): Promise<readonly string[]> {
  const found = await oracle.mismatches();
  if (found.length > 0) {
    say(`after ${history.join('; ')}:`);
    for (const each of found) say(`  ${each}`);
  }
  return found;
}

type Told = Pick<SoakResult, 'events'> & { readonly firewall: { readonly repairs: number } };

async function statusOf({ lab }: World): Promise<Told> {
  const { body } = await get(lab.host, 'http://127.0.0.1:9180/status');
  const told: Told = JSON.parse(body);
  return told;
}

/** Without containers there is no site; without Portcullis there is nothing of it. */
async function takenAway(world: World, oracle: Oracle): Promise<readonly string[]> {
  const { engine, lab, watch, portcullis } = world;
  const ids = (await world.containers()).map(({ Id }) => Id);
  if (ids.length > 0) await engine.tryDocker('rm', '-f', ...ids);
  const found = [...(await oracle.mismatches())];
  const code = await watch.stop();
  if (code !== 0) found.push(`watch ended with ${code}`);
  const stack = watch
    .output()
    .split('\n')
    .find((line) => /^\s+at .*:\d+:\d+/.test(line));
  if (stack !== undefined) found.push(`watch told of a bug: ${stack}`);
  await portcullis('firewall', 'remove', '--yes');
  await portcullis('init', '--undo', '--yes');
  const rules = await lab.host.ok(['nft', 'list', 'ruleset']);
  if (/portcullis/i.test(rules)) found.push(`rules of ours are left:\n${rules}`);
  return found;
}
