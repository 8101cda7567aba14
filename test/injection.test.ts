/** 2,000 hostile answers of Docker, and every key of the configuration with every hostile value; `npm run fuzz` tries a million. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { loadSettings } from '../src/settings.ts';
import { settingsSchema } from '../src/core/settings-schema.ts';
import { PortcullisError } from '../src/errors.ts';
import { HOSTILE } from './fuzz/hostile-values.ts';
import { answers, checkAnswer, tally } from './fuzz/injection.ts';
import { checkSetting, KEYS, settingsTally } from './fuzz/settings.ts';

test('no answer of Docker, whatever its bytes, makes Nginx or a firewall do what was not meant', () => {
  fc.assert(fc.property(answers, checkAnswer), { numRuns: 2_000 });
  // Many cases must get as far as a site, or nothing was tried.
  assert.ok(
    tally.sites > tally.cases / 4 && tally.refused < tally.cases / 2,
    JSON.stringify(tally),
  );
  assert.ok(tally.encrypted > 100 && tally.networks > tally.cases / 2, JSON.stringify(tally));
});

for (const [attack, values] of Object.entries(HOSTILE)) {
  test(`configuration: ${attack} in any key is refused by its name, or changes nothing but itself`, async () => {
    for (const { key } of KEYS) for (const value of values) await checkSetting(key, value);
  });
}

test('configuration: some hostile values were taken, and most were not', () => {
  const { taken, refused } = settingsTally;
  assert.ok(taken > 50 && refused > 5 * taken, JSON.stringify(settingsTally));
});

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-yaml-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const BOMB = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
  'c: [*b,*b,*b,*b,*b,*b]',
];
for (const [title, text, says] of [
  ['a prototype at the top', '__proto__: { domain: evil.example }', /__proto__/],
  ['a prototype in a section', 'nginx: { __proto__: { dir: /evil } }', /nginx\.__proto__/],
  ['a constructor', 'constructor: { prototype: { domain: evil.example } }', /constructor/],
  ['a function', 'domain: !!js/function "x"', undefined],
  ['a merge key', '<<: { domain: evil.example }', /"<<"/],
  ['a value that holds itself', 'domain: &a [*a]', /domain|alias/i],
  ['aliases without end', BOMB.join('\n'), /alias|"a"/i],
  ['a list as a key', '? [a, b]\n: c', /not a known key/],
  ['two documents', 'domain: a.example\n---\ndomain: evil.example', /YAML/],
  ['the same key twice', 'domain: a.example\ndomain: evil.example', /YAML/],
  ['a terminal escape as a key', '"\\e[2J": 1', /\\u001b|\\\\u001b/],
] as const) {
  test(`configuration: ${title} in the file takes no effect`, async () => {
    const file = join(folder, 'portcullis.yaml');
    await writeFile(file, text);
    const loading = loadSettings({ file, env: {} });
    const settings = await loading.then(
      (loaded) => loaded.settings,
      (error: unknown) => {
        assert.ok(error instanceof PortcullisError, String(error));
        assert.equal(error.code, 'bad-setting');
        if (says) assert.match(error.message, says);
        return settingsSchema.parse({});
      },
    );
    assert.notEqual(settings.domain, 'evil.example');
    assert.notEqual(settings.nginx.dir, '/evil');
    assert.equal(Reflect.get({}, 'domain'), undefined);
  });
}
