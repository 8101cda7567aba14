/**
 * Base images without a registry, under the names that the Dockerfile and the Compose files use. Each is a
 * stand-in and labelled as one: Debian's minbase as debian:trixie-slim, the same with Node's own binary and
 * npm (both as npm has them) as the node image. They are kept outside the repository.
 */
import { createHash } from 'node:crypto';
import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run } from '../../src/adapters/run.ts';
import { findProgram } from '../lab/requirements.ts';

const CACHE = join(process.env['LAB_CACHE'] ?? '/var/cache/portcullis-lab', 'images');
const NODE_MAJOR = 24;
/** What the slim image leaves out, and what debootstrap leaves behind. */
const LEFT_OUT = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'var/cache/apt',
  'var/lib/apt/lists',
];

export const LABEL = 'lab.stand-in=yes';

export type BaseImages = { readonly debian: string; readonly node: string };

/** Tarballs of the two base images; made where they are not there yet, which takes the network and a minute. */
export async function baseImages(): Promise<BaseImages> {
  requireImageTools();
  await mkdir(CACHE, { recursive: true });
  const debian = await made('debian-trixie.tar', async (folder, tarball) => {
    const root = join(folder, 'root');
    await ok('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'trixie', root]);
    await pack(root, tarball);
  });
  const lock = await readFile(join(packageRoot(), 'package-lock.json'));
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const node = await made(`node-${NODE_MAJOR}-${key}.tar`, async (folder, tarball) => {
    const root = join(folder, 'root');
    await mkdir(root);
    await ok('tar', ['-C', root, '-xf', debian]);
    await addNode(folder, root);
    await addNpmCache(folder, root);
    await pack(root, tarball);
  });
  return { debian, node };
}

/** @throws {Error} that says what is missing and how to get it */
function requireImageTools(): void {
  const missing = ['debootstrap', 'docker-compose', 'npm'].filter((name) => !findProgram(name));
  if (missing.length === 0) return;
  const names = missing.join(' ');
  throw new Error(
    `the images cannot be tested here: missing are ${names}: apt-get install -y --no-install-recommends ${names}`,
  );
}

/** A file of the cache. It is whole or not there: an attempt that was broken off leaves none. */
async function made(
  name: string,
  make: (folder: string, tarball: string) => Promise<void>,
): Promise<string> {
  const path = join(CACHE, name);
  if (await isThere(path)) return path;
  console.log(`making ${path}, once`);
  const folder = await mkdtemp(join(CACHE, 'making-'));
  try {
    await make(folder, join(folder, name));
    await rename(join(folder, name), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return path;
}

async function addNode(folder: string, root: string): Promise<void> {
  const packages = [`node-linux-${process.arch}@${NODE_MAJOR}`, 'npm@11'];
  await ok('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', ...packages]);
  const modules = join(folder, 'node_modules');
  const local = join(root, 'usr/local');
  await cp(join(modules, `node-linux-${process.arch}/bin/node`), join(local, 'bin/node'));
  await mkdir(join(local, 'lib/node_modules'), { recursive: true });
  await cp(join(modules, 'npm'), join(local, 'lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** With it `npm ci` of the Dockerfile runs for real, and needs no network. */
async function addNpmCache(folder: string, root: string): Promise<void> {
  const project = join(folder, 'project');
  await mkdir(project);
  for (const name of ['package.json', 'package-lock.json']) {
    await cp(join(packageRoot(), name), join(project, name));
  }
  const cache = join(root, 'root/.npm');
  await ok('npm', ['ci', '--prefix', project, '--ignore-scripts', '--cache', cache]);
  const registry = (await ok('npm', ['config', 'get', 'registry'])).trim();
  await writeFile(join(root, 'root/.npmrc'), `offline=true\nregistry=${registry}\n`);
}

const pack = (root: string, tarball: string): Promise<string> =>
  ok('tar', ['-C', root, ...LEFT_OUT.map((each) => `--exclude=./${each}/*`), '-cf', tarball, '.']);

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function ok(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { timeoutMs: 300_000 });
  if (code === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
}
