/** Imports every unit test into one process: 40 files cost half a second instead of nine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', 'src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
for (const file of files.filter((name) => name.endsWith('.test.js')).toSorted()) {
  await import(join(root, file));
}
