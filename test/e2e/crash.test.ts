/**
 * Killed with SIGKILL at every point where something outside the process changes: see ../crash/fault-points.ts
 * for the points, ../crash/tree.ts for what a crash may leave. A spread of the points; all with CRASH_ALL=1.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assertNginxTakes, openCrashStage, type PlayedStage } from '../crash/stage.ts';
import { assertTidy, wholeGeneration } from '../crash/tree.ts';
import { waitUntil } from '../lab/wait-until.ts';

const ALL = process.env['CRASH_ALL'] === '1';

let stage: PlayedStage;
before(async () => {
  stage = await openCrashStage();
  await succeed('init', '--yes');
});
after(() => stage?.lab.close());

/** Numbers of points to die at: all, or `most` of them, evenly. */
function spread(points: readonly string[], most: number): readonly number[] {
  const step = ALL ? 1 : Math.max(1, points.length / most);
  const count = Math.floor(points.length / step);
  return Array.from({ length: count }, (_unused, index) => 1 + Math.floor((index + 0.5) * step));
}

/** Runs `check`; what it throws tells where the process was killed. */
async function killedAt(point: string | undefined, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`killed ${point}: ${why}`, { cause });
  }
}

async function succeed(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await stage.portcullis(args);
  assert.deepEqual([code, stderr], [0, '']);
}

const live = (): string => wholeGeneration(stage.nginx.dir) ?? '';

const SWITCH = /^before rename \S+\/portcullis\.conf\.tmp /;

/** What must be on disk before what: a power cut, unlike a kill, takes what was not synced. */
function assertSynced(points: readonly string[]): void {
  const at = (name: string): number => {
    const index = points.indexOf(name);
    assert.ok(index >= 0, `"${name}" is among\n${points.join('\n')}`);
    return index;
  };
  const dir = stage.nginx.dir.slice(stage.lab.folder.length + 1);
  const switched = points.findIndex((point) => SWITCH.test(point));
  const renamed = points.filter((point) =>
    /^after rename \S+\/(?:sites|generations)\//.test(point),
  );
  const lasting = renamed.filter((point) => !/candidate\.conf|\.json/.test(point));
  assert.ok(lasting.length >= 2, 'a site and an index');
  for (const point of lasting) {
    const [, , temporary = ''] = point.split(' ');
    assert.ok(at(`after sync ${temporary}`) < at(point), `synced first: ${point}`);
    assert.ok(at(point) < switched, `before the switch: ${point}`);
  }
  for (const folder of ['sites', 'generations']) {
    assert.ok(at(`after sync ${dir}/${folder}`) < switched, `${folder} is synced first`);
  }
  assert.ok(at(`after sync ${dir}`) > switched, 'and the switch itself');
}

test('init, with a link into conf.d and with a line in nginx.conf: Nginx starts, and a second one is enough', async () => {
  const bare = join(stage.nginx.confDir, 'bare.conf');
  const text = `pid ${stage.nginx.folder}/bare.pid;\nevents {}\nhttp {\n    access_log off;\n}\n`;
  for (const config of [stage.nginx.config, bare]) {
    await stage.settings({ config });
    const undo = (): void => {
      rmSync(stage.nginx.dir, { recursive: true, force: true });
      rmSync(join(stage.nginx.confDir, 'conf.d/portcullis.conf'), { force: true });
      writeFileSync(bare, text);
    };
    undo();
    assert.equal((await stage.portcullis(['init', '--yes'], { at: 0 })).code, 0);
    const points = stage.reached();
    const texts = [text, readFileSync(bare, 'utf8')];
    // That somebody else's file is never half written is looked at every time.
    const torn = points.findIndex((point) => /^half of write \S+bare\.conf/.test(point)) + 1;
    const numbers = new Set([...spread(points, 3), ...(torn > 0 ? [torn] : [])]);
    assert.equal(torn > 0, config === bare);
    for (const n of numbers) {
      undo();
      const { code } = await stage.portcullis(['init', '--yes'], { at: n });
      assert.equal(code, 137);
      await killedAt(points[n - 1], async () => {
        await assertNginxTakes(stage, config);
        assert.ok(texts.includes(readFileSync(bare, 'utf8')), 'nginx.conf is whole');
        await succeed('init', '--yes');
        await assertNginxTakes(stage, config);
        assertTidy(stage.nginx.dir);
      });
    }
    undo();
    console.log(`# init: ${points.length} points`);
  }
  await stage.settings();
  await succeed('init', '--yes');
});

test('generate, the first time: nothing half made, and the next one closes the firewall', async () => {
  await succeed('generate'); // served from now on
  const empty = async (): Promise<void> => {
    rmSync(stage.nginx.dir, { recursive: true, force: true });
    await stage.portcullis(['firewall', 'remove', '--yes']);
  };
  await empty();
  assert.equal((await stage.portcullis(['generate'], { at: 0 })).code, 0);
  const points = stage.reached();
  const id = live();
  for (const n of spread(points, 3)) {
    await empty();
    assert.equal((await stage.portcullis(['generate'], { at: n })).code, 137);
    await killedAt(points[n - 1], async () => {
      assert.ok([undefined, id].includes(wholeGeneration(stage.nginx.dir)));
      assert.equal(await stage.served(), id, 'Nginx serves on');
      await succeed('generate');
      assert.equal(await stage.assertRecovered(), id);
    });
  }
  console.log(`# first generate: ${points.length} points`);
});

/** Site files of the generation before are kept, so only a name that never was is written anew. */
let port = 10_000;

for (const { backend, most } of [
  { backend: 'nftables', most: 4 },
  { backend: 'iptables', most: 1 },
]) {
  test(`generate with ${backend}, a site more, a site less: the old ones or the new ones, whole`, async () => {
    await stage.portcullis(['firewall', 'remove', '--yes']);
    await stage.settings({ firewall: `, backend: ${backend}` });
    await succeed('generate');
    const flips = [() => void stage.docker.start(++port), () => stage.docker.remove(port)];
    const points: (readonly string[])[] = [];
    for (const flip of flips) {
      flip();
      assert.equal((await stage.portcullis(['generate'], { at: 0 })).code, 0);
      points.push(stage.reached());
    }
    assertSynced(points[0] ?? []);
    const todo = points.map((each) => spread(each, most));
    let killed = 0;
    let old = live();
    const rounds = Math.max(...todo.map(({ length }) => length));
    for (let round = 0; round < rounds; round++) {
      for (const [index, flip] of flips.entries()) {
        flip();
        const n = todo[index]?.[round] ?? 1;
        const { code } = await stage.portcullis(['generate'], { at: n });
        killed += code === 137 ? 1 : 0;
        await killedAt(points[index]?.[n - 1], async () => {
          const seen = await stage.seen();
          await succeed('generate');
          const id = await stage.assertRecovered();
          assert.notEqual(id, old);
          for (const each of seen) assert.ok([old, id].includes(each), 'the old or the new');
          old = id;
        });
      }
    }
    assert.ok(killed > rounds * 1.8, `${killed} of ${rounds * 2} were killed`);
    console.log(
      `# generate, ${backend}: ${points.map(({ length }) => length).join(' and ')} points`,
    );
    await stage.portcullis(['firewall', 'remove', '--yes']);
    await stage.settings();
  });
}

test('watch, at an event: the old sites or the new ones, and the next watch brings the new ones', async () => {
  await succeed('generate');
  let old = live();
  let points: readonly string[] = [];
  let seen: readonly string[] = [];
  let todo = [0];
  let killed = 0;
  for (let last = 0; todo.length > 0 || last > 0;) {
    const n = todo.shift() ?? 0;
    const watch = stage.startWatch({ at: n, on: 'SIGUSR2' });
    try {
      await killedAt(points[last - 1], async () => {
        await watch.saw(/ reconciled /);
        await watch.saw(/ firewall-enforced /);
        const id = await stage.assertRecovered();
        for (const each of seen) assert.ok([old, id].includes(each), 'the old or the new');
        old = id;
      });
      if (n === 0 && last > 0) break;
      const from = watch.output().length;
      process.kill(watch.pid, 'SIGUSR2');
      stage.docker.start(++port);
      const ended = await waitUntil('killed, or done', () => {
        if (watch.child.signalCode !== null) return 'killed';
        return / reconciled .* files=[1-9]/.test(watch.output().slice(from)) && 'done';
      });
      killed += ended === 'killed' ? 1 : 0;
    } finally {
      await watch.stop('SIGKILL');
    }
    if (n === 0) {
      points = stage.reached();
      todo = [...spread(points, 5)];
      killed = 0;
    }
    last = n === 0 ? 1 : n;
    seen = await stage.seen();
  }
  const tried = spread(points, 5).length;
  console.log(`# watch: ${points.length} points, ${killed} of ${tried} reached`);
  assert.ok(killed >= tried * 0.8, `${killed} of ${tried} were killed`);
});
