import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compileTemplates, type Templates } from '../core/render.ts';
import { TEMPLATE_FILES, TEMPLATE_SUFFIX } from '../core/template-files.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf } from './atomic-file.ts';
import { packageRoot } from './package-root.ts';
import { whyUnreadable } from './why-unreadable.ts';

/**
 * Reads and compiles the templates. A file in `overrideDir` takes the place of ours; any other
 * `<name>.conf.ejs` there is a site template that a label may name.
 *
 * @param overrideDir settings' template_dir; '' for none
 * @throws {PortcullisError} `template-failed`, with the file
 */
export async function loadTemplates(overrideDir: string): Promise<Templates> {
  // First: what is wrong with the folder is told with the key that names it.
  const others = await readOthers(overrideDir);
  const [site, index, quarantined, maintenance] = await Promise.all(
    TEMPLATE_FILES.map((name) => readTemplate(name, overrideDir)),
  );
  try {
    return compileTemplates({
      site: site ?? '',
      index: index ?? '',
      quarantined: quarantined ?? '',
      maintenance: maintenance ?? '',
      others,
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const where = overrideDir === '' ? '' : ` in ${overrideDir}`;
    throw new PortcullisError('template-failed', `a template${where} cannot be used: ${reason}`, {
      cause,
    });
  }
}

const WHY_NO_FOLDER: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'is a file, not a folder',
};

async function readOthers(folder: string): Promise<ReadonlyMap<string, string>> {
  if (folder === '') return new Map();
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new PortcullisError(
      'template-failed',
      `template_dir ${folder}: ${WHY_NO_FOLDER[codeOf(cause)] ?? `cannot be read (${codeOf(cause)})`}`,
      { cause },
    );
  });
  const ours = new Set<string>(TEMPLATE_FILES);
  const others = names.filter((name) => name.endsWith(TEMPLATE_SUFFIX) && !ours.has(name));
  return new Map(
    await Promise.all(
      others
        .toSorted()
        .map(
          async (name) =>
            [name.slice(0, -TEMPLATE_SUFFIX.length), await read(join(folder, name))] as const,
        ),
    ),
  );
}

async function readTemplate(name: string, overrideDir: string): Promise<string> {
  if (overrideDir !== '') {
    const path = join(overrideDir, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      if (codeOf(cause) !== 'ENOENT') throw unreadable(path, cause);
    }
  }
  return readFile(join(packageRoot(), 'templates', name), 'utf8');
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const unreadable = (path: string, cause: unknown): PortcullisError =>
  new PortcullisError('template-failed', `${path}: ${whyUnreadable(cause)}`, { cause });
