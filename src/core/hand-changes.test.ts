import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { NO_ID } from './generation.ts';
import { handChanges } from './hand-changes.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
const site = 'server { }';
const file = `sites/a.example.${hash(site)}.conf`;
const template = `# generation ${NO_ID}\ninclude /dir/${file};\n`;
const id = hash(template);
const index = template.replace(NO_ID, id);

for (const [title, live, files, found] of [
  ['nothing', { id, index }, new Map([[file, site]]), []],
  ['a site file', { id, index }, new Map([[file, 'server { listen 1; }']]), [file]],
  ['a file that is gone', { id, index }, new Map(), [file]],
  [
    'the index',
    { id, index: `${index}# mine\n` },
    new Map([[file, site]]),
    [`generations/${id}.conf`],
  ],
] as const) {
  test(`handChanges(): ${title}`, () => assert.deepEqual(handChanges(live, files, hash), found));
}
