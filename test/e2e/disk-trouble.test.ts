/**
 * Trouble with the disk and the clock under a running `watch`: what worked keeps working, one message says
 * what and why, and it mends itself when the trouble is over.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { openCrashStage, type PlayedStage } from '../crash/stage.ts';
import type { Watching } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

let stage: PlayedStage;
let port = 10_000;
before(async () => {
  stage = await openCrashStage();
  const { dir } = stage.nginx;
  const state = join(stage.lab.folder, 'state');
  for (const folder of [dir, state]) {
    mkdirSync(folder);
    await stage.lab.host.ok(['mount', '-t', 'tmpfs', '-o', 'size=1m,nr_inodes=200', 'lab', folder]);
    stage.lab.cleanup.add(folder, () => stage.lab.host.run(['umount', '-l', folder]));
  }
  assert.equal((await stage.portcullis(['init', '--yes'])).code, 0);
});
after(() => stage?.lab.close());

/** Files that take all there is; gives what frees it. */
function fill(folder: string): () => void {
  const path = join(folder, 'filler');
  const block = Buffer.alloc(4_096);
  writeFileSync(path, '');
  try {
    for (;;) writeFileSync(path, block, { flag: 'a' });
  } catch {
    // full
  }
  return () => rmSync(path);
}

function useInodes(folder: string): () => void {
  const many = join(folder, 'many');
  mkdirSync(many);
  try {
    for (let index = 0; ; index++) writeFileSync(join(many, String(index)), '');
  } catch {
    // none left
  }
  return () => rmSync(many, { recursive: true });
}

async function remount(folder: string, how: 'ro' | 'rw'): Promise<void> {
  await stage.lab.host.ok(['mount', '-o', `remount,${how}`, folder]);
}

const errors = (watch: Watching, from: number): readonly string[] =>
  watch
    .output()
    .slice(from)
    .split('\n')
    .filter((line) => / (?:error|warn) /.test(line));

/** Waits until the site of `asked` is in the generation that Nginx serves. */
const published = async (watch: Watching, from: number): Promise<void> => {
  await waitUntil(`published; watch said:\n${watch.output().slice(from)}`, () =>
    / reconciled .* files=[1-9]/.test(watch.output().slice(from)),
  );
  await waitUntil('all is in order', () =>
    stage.assertRecovered().then(
      () => true,
      () => false,
    ),
  ).catch(() => stage.assertRecovered());
};

type Trouble = {
  readonly title: string;
  /** Makes it; gives what ends it. */
  readonly make: () => Promise<() => Promise<void> | void>;
  readonly says: RegExp;
};

const dir = (): string => stage.nginx.dir;
const state = (): string => join(stage.lab.folder, 'state');

const TROUBLES: readonly Trouble[] = [
  {
    title: 'the disk is full',
    make: async () => fill(dir()),
    says: /pass-failed code=files-unwritable reason="cannot write \S+\/nginx\/portcullis\/\S+ \(ENOSPC\): the disk is full, or has no inodes left: free some; what was live/,
  },
  {
    title: 'no inode is left',
    make: async () => useInodes(dir()),
    says: /pass-failed code=files-unwritable reason="cannot write \S+\/nginx\/portcullis\/\S+ \(ENOSPC\): .*no inodes left/,
  },
  {
    title: 'the file system became read-only',
    make: async () => {
      await remount(dir(), 'ro');
      return () => remount(dir(), 'rw');
    },
    says: /pass-failed code=files-unwritable reason="cannot write \S+\/nginx\/portcullis\/\S+ \(EROFS\): the file system is read-only: mount it for writing/,
  },
];

describe('nginx.dir under watch', () => {
  let watch: Watching;
  before(async () => {
    watch = stage.startWatch();
    await watch.saw(/ firewall-enforced /);
    await published(watch, 0);
  });
  after(() => watch?.stop('SIGKILL'));

  for (const { title, make, says } of TROUBLES) {
    test(title, async () => {
      const from = watch.output().length;
      const id = await stage.assertRecovered();
      const end = await make();
      try {
        stage.docker.start(++port);
        await waitUntil(`it is told; watch said:\n${watch.output().slice(from)}`, () =>
          says.test(watch.output().slice(from).replaceAll('\\"', "'")),
        );
        await waitUntil('tried again', () =>
          /debug.* pass-failed/.test(watch.output().slice(from)),
        );
        assert.equal(errors(watch, from).length, 1, 'told once');
        assert.deepEqual(await stage.seen(), [id, id], 'what was live is served');
      } finally {
        await end();
      }
      await published(watch, from);
      assert.notEqual(await stage.assertRecovered(), id);
      assert.match(watch.output().slice(from), / info .* recovered /);
    });
  }

  test('all in it was removed: it is made anew, with no event needed, while Nginx serves on', async () => {
    const from = watch.output().length;
    const id = await stage.assertRecovered();
    for (const name of readdirSync(dir())) rmSync(join(dir(), name), { recursive: true });
    assert.equal(await stage.served(), id);
    await published(watch, from);
    assert.equal(await stage.assertRecovered(), id);
  });

  test('the same, and a container comes before anybody looks', async () => {
    const from = watch.output().length;
    for (const name of readdirSync(dir())) rmSync(join(dir(), name), { recursive: true });
    stage.docker.start(++port);
    await published(watch, from);
  });

  test('state_dir is full: the firewall is enforced all the same, it is told once, and written later', async () => {
    const from = watch.output().length;
    const end = fill(state());
    try {
      stage.docker.start(++port);
      const line = await waitUntil('it is told', () =>
        errors(watch, from).find((each) => each.includes('boot-rules-not-written')),
      );
      assert.match(line, /cannot write \S+\/state\/boot\.nft \(ENOSPC\): the disk is full/);
      const { code, stdout } = await stage.portcullis(['firewall', 'check']);
      assert.equal(code, 0, stdout);
      await waitUntil('three tries later', () => watch.output().slice(from).length > 0);
      assert.equal(errors(watch, from).length, 1);
    } finally {
      end();
    }
    await waitUntil('written', () => / boot-rules-written /.test(watch.output().slice(from)));
    assert.deepEqual(readdirSync(state()), ['boot.nft']);
  });
});

test('watch starts on a full disk: the firewall is enforced, and sites follow when there is room', async () => {
  for (const name of readdirSync(dir())) rmSync(join(dir(), name), { recursive: true });
  const end = useInodes(dir());
  await stage.portcullis(['firewall', 'remove', '--yes']);
  const watch = stage.startWatch();
  try {
    try {
      await watch.saw(/ firewall-enforced /);
      await watch.saw(/pass-failed code=files-unwritable .*ENOSPC/);
      assert.equal(errors(watch, 0).length, 1);
    } finally {
      end();
    }
    await published(watch, 0);
    assert.equal(await watch.stop(), 0);
  } finally {
    await watch.stop('SIGKILL');
  }
});

for (const [title, shift] of [
  ['back by a year', -365 * 86_400_000],
  ['ahead by a year', 365 * 86_400_000],
] as const) {
  test(`the clock jumps ${title}: events, resync and passes go on as before`, async () => {
    const preload = pathToFileURL(join(import.meta.dirname, '../crash/shifted-clock.js')).href;
    const watch = stage.startWatch(undefined, {
      NODE_OPTIONS: `--import=${preload}`,
      CLOCK_SHIFT_MS: String(shift),
    });
    try {
      await watch.saw(/ firewall-enforced /);
      await watch.saw(/ reconciled /);
      const from = watch.output().length;
      process.kill(watch.pid, 'SIGUSR2');
      for (let round = 0; round < 2; round++) {
        stage.docker.start(++port);
        await published(watch, from);
      }
      assert.deepEqual(errors(watch, from), []);
      const year = new Date(Date.now() + shift).getUTCFullYear();
      assert.match(watch.output().slice(from), new RegExp(`^${year}-`, 'm'), 'it did jump');
      assert.equal(await watch.stop(), 0);
    } finally {
      await watch.stop('SIGKILL');
    }
  });
}
