import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createLog } from '../adapters/log.ts';
import { NO_RULES } from '../core/firewall/ruleset.ts';
import { settingsSchema } from '../core/settings-schema.ts';
import { createBootWriter, type BootWriter } from './boot-writer.ts';

type Played = {
  /** Where the files go. */
  readonly state: string;
  readonly writer: BootWriter;
  /** Events of the log so far, each told once. */
  readonly events: () => readonly string[];
};

async function play(t: TestContext): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-boot-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const state = join(folder, 'state');
  const events: string[] = [];
  const log = createLog({
    ...{ level: 'debug', format: 'json', color: false, now: () => new Date(0) },
    write: (line) => events.push(`${JSON.parse(line).level} ${JSON.parse(line).event}`),
  });
  const settings = settingsSchema.parse({ firewall: { state_dir: state } });
  const writer = createBootWriter({ settings, log }, { kind: 'nftables' });
  return { state, writer, events: () => events.splice(0) };
}

const ONE_BRIDGE = { ...NO_RULES, bridges: ['docker0'] };

test('BootWriter: what boot loads follows the rules in force', async (t) => {
  const { state, writer, events } = await play(t);
  const file = (): Promise<string> => readFile(join(state, 'boot.nft'), 'utf8');
  assert.equal(await writer.write(NO_RULES), true);
  assert.doesNotMatch(await file(), /docker0/);
  assert.equal(await writer.write(ONE_BRIDGE), true);
  assert.match(await file(), /docker0/);
  assert.deepEqual(events(), []);
});

test('BootWriter: a disk in trouble is told once while it lasts, and its end', async (t) => {
  const { state, writer, events } = await play(t);
  await writeFile(state, 'no folder');
  assert.equal(await writer.write(NO_RULES), false);
  assert.equal(await writer.write(NO_RULES), false);
  assert.deepEqual(events(), ['error boot-rules-not-written']);
  await rm(state);
  assert.equal(await writer.write(NO_RULES), true);
  assert.equal(await writer.write(NO_RULES), true);
  assert.deepEqual(events(), ['info boot-rules-written']);
  await rm(state, { recursive: true });
  await writeFile(state, 'no folder');
  await writer.write(NO_RULES);
  assert.deepEqual(events(), ['error boot-rules-not-written'], 'the same trouble again is new');
});
