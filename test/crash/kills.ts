/**
 * `npm run test:crash`: SIGKILL at random moments for a `watch` under a load of containers that start and
 * stop, on a real engine. After each kill: a whole generation is live, Nginx takes and serves it, the
 * firewall is closed. At every fifth the load pauses, and the next `watch` must bring everything in order.
 *
 *   CRASH_KILLS  how many; default 500
 *   CRASH_SEED   default: of the clock; it is printed
 */
import { setTimeout as delay } from 'node:timers/promises';
import { randomOf } from '../support/random.ts';
import { openRealStage, type RealStage } from './stage.ts';

const KILLS = Number(process.env['CRASH_KILLS'] ?? 500);
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const CONTAINERS = 6;
const LONGEST_MS = 1_200;
const ORDER_EVERY = 5;

const random = randomOf(SEED).next;

/** Starts and stops containers until told; `pause` ends with the change under way. */
function createLoad({ engine }: RealStage) {
  const state = { wanted: true, ended: false };
  let events = 0;
  const running = new Set<number>();
  const step = async (): Promise<void> => {
    const which = Math.floor(random() * CONTAINERS);
    if (running.delete(which)) await engine.docker('kill', `c${which}`);
    else {
      await engine.docker('start', `c${which}`);
      running.add(which);
    }
    events += 1;
  };
  let under = Promise.resolve();
  const loop = async (): Promise<void> => {
    while (!state.ended) {
      if (state.wanted) await (under = step());
      else await delay(20);
    }
  };
  const ran = loop();
  return {
    events: () => events,
    pause: async () => {
      state.wanted = false;
      await under;
    },
    go: () => void (state.wanted = true),
    end: async () => {
      state.ended = true;
      await ran;
    },
  };
}

const stage = await openRealStage();
const counts = { kills: 0, beforeFirstPass: 0, inOrder: 0 };
const startedAt = performance.now();
try {
  console.log(`# seed ${SEED}, ${KILLS} kills`);
  for (let index = 0; index < CONTAINERS; index++) {
    const label = ['--label', 'portcullis.enable=true'];
    const command = ['/bin/httpd', '-f', '-p', '80', '-h', '/www'];
    const publish = ['-p', `${11_000 + index}:80`];
    await stage.engine.docker(
      ...['create', '--name', `c${index}`, ...publish, ...label, 'lab/web:1', ...command],
    );
  }
  for (const args of [['init', '--yes'], ['generate']]) {
    const { code, stderr } = await stage.portcullis(args);
    if (code !== 0) throw new Error(stderr);
  }
  const load = createLoad(stage);
  while (counts.kills < KILLS) {
    const watch = stage.startWatch();
    // One half while it starts, the other while it follows events.
    if (random() < 0.5) await watch.saw(/ reconciled /);
    await delay(random() * LONGEST_MS);
    if (watch.child.exitCode !== null) throw new Error(`watch ended:\n${watch.output()}`);
    await watch.stop('SIGKILL');
    counts.kills += 1;
    if (!watch.output().includes(' reconciled ')) counts.beforeFirstPass += 1;
    await stage.seen();
    if (counts.kills % ORDER_EVERY !== 0 && counts.kills < KILLS) continue;
    await load.pause();
    const next = stage.startWatch();
    await next.saw(/ firewall-enforced /);
    await next.saw(/ reconciled /);
    await settled();
    if ((await next.stop()) !== 0) throw new Error(`watch:\n${next.output()}`);
    counts.inOrder += 1;
    load.go();
    if (counts.kills % 25 === 0) report();
  }
  await load.end();
  report();

  function report(): void {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(
      `${counts.kills} kills (${counts.beforeFirstPass} before the first pass was done), ${load.events()} starts and stops, ${counts.inOrder} times back in order, 0 mismatches, ${seconds} s`,
    );
  }
} finally {
  await stage.lab.close();
}

/** What the engine said last may be on its way still. */
async function settled(): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      await stage.assertRecovered();
      const { code, stdout } = await stage.portcullis(['generate', '--check']);
      if (code !== 0) throw new Error(`generate --check: ${stdout}`);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}
