import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds package.json and templates/: one above dist/, more above build/src/. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'templates', 'site.conf.ejs'))) {
    const above = dirname(folder);
    if (above === folder) throw new Error('templates/ was not installed beside the program');
    folder = above;
  }
  return folder;
}
