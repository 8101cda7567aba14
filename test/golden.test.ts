/**
 * Golden files: fixtures/cases/<case>/case.json names containers, settings and, where it matters, the
 * Nginx that they are for; the files that must come out lie beside it, as `generate --out` writes them.
 * `{fixtures}` stands for the folder fixtures. UPDATE=1 writes them anew; look at the diff.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../src/adapters/package-root.ts';
import { createCandidates } from '../src/app/candidates.ts';
import { desireOffline } from '../src/app/offline.ts';
import { readContainers } from '../src/core/docker/detect-shape.ts';
import { readNameService } from '../src/core/name-service.ts';
import { problemText } from '../src/core/problem-text.ts';
import { settingsSchema } from '../src/core/settings-schema.ts';

const fixtures = join(packageRoot(), 'fixtures');
const cases = join(fixtures, 'cases');

const NAMES = readNameService(
  '127.0.0.1 localhost\n::1 localhost\n',
  'nameserver 192.0.2.53\nnameserver 2001:db8::53\n',
);

for (const name of (await readdir(cases)).toSorted()) {
  const folder = join(cases, name);
  const caseText = await readFile(join(folder, 'case.json'), 'utf8');
  const { title, input, settings, nginx } = JSON.parse(caseText.replaceAll('{fixtures}', fixtures));
  test(`golden: ${name}: ${title}`, async () => {
    const json: unknown = JSON.parse(await readFile(join(fixtures, input), 'utf8'));
    const parsed = settingsSchema.parse(settings ?? {});
    const candidates = createCandidates(parsed)(readContainers(json).containers);
    const { files, problems } = await desireOffline(candidates, parsed, '/etc/nginx/portcullis', {
      installed: nginx,
      names: NAMES,
    });
    const texts: readonly (readonly [string, string])[] = [
      ...files,
      ['problems.txt', problems.map((p) => `${problemText(p)}\n`).join('')],
    ];
    const got = new Map(
      texts.map(([path, text]) => [path, caseText.includes('{fixtures}') ? shown(text) : text]),
    );
    if (process.env['UPDATE'] === '1') await rewrite(folder, got);
    assert.deepEqual(Object.fromEntries(got), Object.fromEntries(await readExpected(folder)));
  });
}

/** Without the path of this folder, and without the id that it goes into. */
const shown = (text: string): string =>
  text.replaceAll(fixtures, '{fixtures}').replace(/return 200 [0-9a-f]{16};/, 'return 200 {id};');

async function readExpected(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = names
    .filter((entry) => entry.isFile() && entry.name !== 'case.json')
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const),
    ),
  );
}

async function rewrite(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await rm(join(folder, 'sites'), { recursive: true, force: true });
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
