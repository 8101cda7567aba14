/**
 * nginx.dir on disk:
 *
 *   portcullis.conf -> generations/<id>.conf   the live generation; switched by one rename
 *   previous        -> generations/<id>.conf   what `undo` goes back to
 *   generations/<id>.conf, <id>.json           an index, and what it serves
 *   sites/<host>.<hash>.conf                   one file a site, shared by generations
 *   test/                                      scratch of `nginx -t`
 *
 * Files are named by their content and never written over, so a crash leaves the live ones whole.
 */
import { readFileSync } from 'node:fs';
import { readFile, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  generationFile,
  includedFiles,
  manifestFile,
  type Generation,
  type Manifest,
} from '../core/generation.ts';
import type { FileTree } from '../core/model.ts';
import { codeOf, makeFolder, syncFolder, unwritable, writeAtomically } from './atomic-file.ts';
import { eachOf } from './each-of.ts';

export const ENTRY = 'portcullis.conf';
const PREVIOUS = 'previous';
const CANDIDATE = 'generations/candidate.conf';
/** Writes at one time: enough to let the disk join their fsyncs. */
const PARALLEL = 32;

export type LiveGeneration = {
  readonly id: string;
  readonly index: string;
  readonly manifest: Manifest;
};

export type GenerationStore = {
  readonly dir: string;
  /** Path that Nginx includes. */
  readonly entry: string;
  live(): Promise<LiveGeneration | undefined>;
  previous(): Promise<LiveGeneration | undefined>;
  /** Text of the live generation's files, by path relative to nginx.dir; a missing file is left out. */
  liveFiles(live: LiveGeneration): Promise<FileTree>;
  /** Writes the site files that are not there yet, `known` ones aside; nothing that is live changes. */
  writeSites(generation: Generation, known?: ReadonlySet<string>): Promise<void>;
  /** Writes the index beside the live one, and lets it and the site files last. Gives its path. */
  writeIndex(generation: Generation): Promise<string>;
  /** Writes an index that is only to be tested. Gives its path. */
  writeCandidate(text: string): Promise<string>;
  /** Writes what a generation serves. Nginx never reads it, and a pass that misses it only forgets who held which host. */
  writeManifest(manifest: Manifest): Promise<void>;
  /** Makes a written generation live: one rename. */
  switchTo(id: string): Promise<void>;
  /** Puts `id` back without remembering what was live: for a generation that Nginx refused to serve. */
  rollBackTo(id: string): Promise<void>;
  /** Removes files of generations that are neither live nor previous. */
  collectGarbage(): Promise<number>;
};

export function openStore(dir: string): GenerationStore {
  const at = (path: string): string => join(dir, path);

  const read = async (link: string): Promise<LiveGeneration | undefined> => {
    const id = await linkedId(at(link));
    if (id === undefined) return undefined;
    const index = await textOf(at(generationFile(id)));
    const manifest = parseManifest(await textOf(at(manifestFile(id))), id);
    return index === undefined ? undefined : { id, index, manifest };
  };

  const point = async (link: string, id: string): Promise<void> => {
    const temporary = at(`${link}.tmp`);
    try {
      await rm(temporary, { force: true });
      await symlink(generationFile(id), temporary);
      await rename(temporary, at(link));
    } catch (cause) {
      throw unwritable(at(link), cause);
    }
  };

  const store: GenerationStore = {
    dir,
    entry: at(ENTRY),
    live: () => read(ENTRY),
    previous: () => read(PREVIOUS),
    async liveFiles({ index }) {
      const files = new Map<string, string>();
      for (const file of includedFiles(index)) {
        const text = textNow(at(file));
        if (text !== undefined) files.set(file, text);
      }
      return files;
    },
    async writeSites({ siteFiles }, known = new Set()) {
      await makeFolders(dir);
      const missing = [...siteFiles].filter(([file]) => !known.has(file));
      await eachOf(missing, PARALLEL, async ([file, text]) => {
        if ((await textOf(at(file))) !== text) await writeAtomically(at(file), text);
      });
    },
    async writeIndex({ id, index }) {
      await Promise.all([
        writeAtomically(at(generationFile(id)), index).then(() => syncFolder(at('generations'))),
        syncFolder(at('sites')),
      ]);
      return at(generationFile(id));
    },
    async writeCandidate(text) {
      await writeAtomically(at(CANDIDATE), text, { sync: false });
      return at(CANDIDATE);
    },
    async writeManifest(manifest) {
      await writeAtomically(at(manifestFile(manifest.id)), manifestText(manifest), { sync: false });
    },
    async switchTo(id) {
      const before = await linkedId(at(ENTRY));
      if (before !== undefined && before !== id) await point(PREVIOUS, before);
      await point(ENTRY, id);
      await syncFolder(dir);
    },
    async rollBackTo(id) {
      await point(ENTRY, id);
      await syncFolder(dir);
    },
    async collectGarbage() {
      // A crash leaves these.
      for (const link of [ENTRY, PREVIOUS]) await rm(at(`${link}.tmp`), { force: true });
      const files = new Set<string>();
      for (const link of [ENTRY, PREVIOUS]) {
        const id = await linkedId(at(link));
        if (id === undefined) continue;
        const index = (await textOf(at(generationFile(id)))) ?? '';
        for (const file of [generationFile(id), manifestFile(id), ...includedFiles(index)]) {
          files.add(file);
        }
      }
      const found = [
        ...(await namesIn(at('sites'))).map((name) => `sites/${name}`),
        ...(await namesIn(at('generations'))).map((name) => `generations/${name}`),
      ];
      const stale = found.filter((file) => !files.has(file));
      await eachOf(stale, PARALLEL, (file) => rm(at(file), { force: true }));
      return stale.length;
    },
  };
  return tellingSystemErrors(dir, store);
}

/** What the disk refuses is somebody's to mend, and no bug of ours. */
function tellingSystemErrors(dir: string, store: GenerationStore): GenerationStore {
  const telling =
    <A extends readonly unknown[], R>(act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await act(...args);
      } catch (cause) {
        if (!(cause instanceof Error) || !('syscall' in cause)) throw cause;
        throw unwritable('path' in cause ? String(cause.path) : dir, cause);
      }
    };
  return {
    dir,
    entry: store.entry,
    live: telling((...args: Parameters<GenerationStore['live']>) => store.live(...args)),
    previous: telling((...args: Parameters<GenerationStore['previous']>) =>
      store.previous(...args),
    ),
    liveFiles: telling((...args: Parameters<GenerationStore['liveFiles']>) =>
      store.liveFiles(...args),
    ),
    writeSites: telling((...args: Parameters<GenerationStore['writeSites']>) =>
      store.writeSites(...args),
    ),
    writeIndex: telling((...args: Parameters<GenerationStore['writeIndex']>) =>
      store.writeIndex(...args),
    ),
    writeCandidate: telling((...args: Parameters<GenerationStore['writeCandidate']>) =>
      store.writeCandidate(...args),
    ),
    writeManifest: telling((...args: Parameters<GenerationStore['writeManifest']>) =>
      store.writeManifest(...args),
    ),
    switchTo: telling((...args: Parameters<GenerationStore['switchTo']>) =>
      store.switchTo(...args),
    ),
    rollBackTo: telling((...args: Parameters<GenerationStore['rollBackTo']>) =>
      store.rollBackTo(...args),
    ),
    collectGarbage: telling((...args: Parameters<GenerationStore['collectGarbage']>) =>
      store.collectGarbage(...args),
    ),
  };
}

async function makeFolders(dir: string): Promise<void> {
  for (const folder of [dir, join(dir, 'sites'), join(dir, 'generations')])
    await makeFolder(folder);
}

async function linkedId(path: string): Promise<string | undefined> {
  try {
    const id = basename(await readlink(path), '.conf');
    return /^[0-9a-f]{16}$/.test(id) ? id : undefined;
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** For many small files: a promise for each costs several times the reading. */
function textNow(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

const manifestText = (manifest: Manifest): string => `${JSON.stringify(manifest)}\n`;

/** A manifest that is missing or torn costs nothing but the memory of who held which host. */
function parseManifest(text: string | undefined, id: string): Manifest {
  const empty: Manifest = { version: 1, id, sites: [], rejected: [], quarantined: [] };
  if (text === undefined) return empty;
  try {
    const value: unknown = JSON.parse(text);
    const whole =
      typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- we wrote it, and its version says so
    return whole ? { ...empty, ...(value as Manifest) } : empty;
  } catch {
    return empty;
  }
}
