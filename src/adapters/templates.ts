import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileTemplates, type Templates } from '../core/render.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import { packageRoot } from './package-root.ts';

/**
 * Reads and compiles the templates. A file in `overrideDir` takes the place of ours.
 *
 * @param overrideDir settings' template_dir; '' for none
 * @throws {PortcullisError} `template-failed`, with the file
 */
export async function loadTemplates(overrideDir: string): Promise<Templates> {
  const [site, index] = await Promise.all(
    ['site.conf.ejs', 'index.conf.ejs'].map((name) => readTemplate(name, overrideDir)),
  );
  try {
    return compileTemplates({ site: site ?? '', index: index ?? '' });
  } catch (cause) {
    throw new PortcullisError(
      'template-failed',
      `a template${overrideDir === '' ? '' : ` in ${overrideDir}`} does not compile`,
      { cause, detail: cause instanceof Error ? cause.message : String(cause) },
    );
  }
}

async function readTemplate(name: string, overrideDir: string): Promise<string> {
  if (overrideDir !== '') {
    const path = join(overrideDir, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') {
        throw new PortcullisError('template-failed', `${path}: cannot be read (${codeOf(cause)})`, {
          cause,
        });
      }
    }
  }
  return readFile(join(packageRoot(), 'templates', name), 'utf8');
}
