import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { PortcullisError } from '../errors.ts';
import type { ConfigFiles } from './config-files.ts';
import type { ContainerControl } from './container-control.ts';
import { readTar, type TarEntry } from './tar.ts';

/** A change in the container's configuration is seen after this long at most. */
const FRESH_MS = 5_000;
const CALL_TIMEOUT_MS = 30_000;

/** The configuration files of a container, one archive a folder. */
export function containerFiles(
  control: ContainerControl,
  container: string,
  now: () => number = () => performance.now(),
): ConfigFiles {
  const folders = new Map<
    string,
    { at: number; entries: Promise<ReadonlyMap<string, TarEntry>> }
  >();

  const load = async (folder: string): Promise<ReadonlyMap<string, TarEntry>> => {
    const entries = new Map<string, TarEntry>();
    for (const entry of await fetchFolder(control, container, folder)) {
      // Docker names entries from the last part of what was asked for.
      entries.set(join(dirname(folder), entry.path), entry);
    }
    return entries;
  };

  /** An archive that `path` lies in: one that is there already, or its folder's. */
  const archiveOf = (path: string): Promise<ReadonlyMap<string, TarEntry>> => {
    for (const [root, { at, entries }] of folders) {
      const covers = path === root || path.startsWith(`${root}/`);
      if (covers && now() - at < FRESH_MS) return entries;
    }
    // Never the whole file system.
    const folder = dirname(path) === '/' ? path : dirname(path);
    return loadInto(folder);
  };

  const loadInto = (folder: string): Promise<ReadonlyMap<string, TarEntry>> => {
    const entries = load(folder);
    entries.catch(() => folders.delete(folder));
    folders.set(folder, { at: now(), entries });
    return entries;
  };

  /** What lies at `path`, links on the way and at the end followed. */
  const find = async (path: string, hops = 0): Promise<Found> => {
    const entries = await archiveOf(path);
    for (let at = path, rest = ''; at !== '/'; rest = join(basename(at), rest), at = dirname(at)) {
      const entry = entries.get(at);
      if (entry?.kind !== 'link' || hops >= 20) continue;
      return find(join(resolve(dirname(at), entry.target), rest), hops + 1);
    }
    return { path, entry: entries.get(path), entries };
  };

  return {
    async readText(path) {
      const { entry } = await find(path);
      if (entry?.kind === 'file') return entry.content.toString('utf8');
      const code = entry ? 'EISDIR' : 'ENOENT';
      throw Object.assign(new Error(`${code}: ${path} in container ${container}`), { code });
    },
    async list(folder) {
      const found = await find(folder);
      return found.entry?.kind === 'folder' ? namesIn(found) : [];
    },
    async readLink(path) {
      const entry = (await archiveOf(path)).get(path);
      return entry?.kind === 'link' ? entry.target : undefined;
    },
    async stamp(path) {
      const found = await find(path);
      const { entry } = found;
      if (!entry) return '';
      const content = entry.kind === 'folder' ? namesIn(found).join('/') : entry.content;
      const hash = createHash('sha256').update(content).digest('hex');
      return `${found.path} ${entry.mode} ${entry.mtime} ${hash}`;
    },
    async mode(path) {
      return (await find(path)).entry?.mode ?? 0o644;
    },
  };
}

type Found = {
  readonly path: string;
  readonly entry: TarEntry | undefined;
  readonly entries: ReadonlyMap<string, TarEntry>;
};

const namesIn = ({ path, entries }: Found): readonly string[] =>
  [...entries.keys()]
    .filter((each) => dirname(each) === path && each !== path)
    .map((each) => basename(each));

async function fetchFolder(
  control: ContainerControl,
  container: string,
  folder: string,
): Promise<readonly TarEntry[]> {
  try {
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    return readTar(await control.archive(container, folder, signal));
  } catch (error) {
    if (!(error instanceof PortcullisError) || error.code !== 'docker-refused') throw error;
    if (/no such container/i.test(error.message)) throw noContainer(container, error);
    if (error.message.includes('(HTTP 404)')) return [];
    throw error;
  }
}

const noContainer = (container: string, cause: PortcullisError): PortcullisError =>
  new PortcullisError(
    'nginx-missing',
    `there is no container ${container}, which nginx.control names: start Nginx in one of that name, or name another`,
    { cause, ...(cause.detail !== undefined && { detail: cause.detail }) },
  );
