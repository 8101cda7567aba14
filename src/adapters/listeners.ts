import { readdir, readFile, readlink } from 'node:fs/promises';
import { listenersFrom, type Listener } from '../core/listeners.ts';
import { codeOf } from './atomic-file.ts';

const FILES = [
  ['tcp', '/proc/net/tcp'],
  ['tcp', '/proc/net/tcp6'],
  ['udp', '/proc/net/udp'],
  ['udp', '/proc/net/udp6'],
] as const;

/** Every socket of this network namespace that listens; none where the kernel does not tell. */
export async function readListeners(): Promise<readonly Listener[]> {
  const texts = await Promise.all(
    FILES.map(async ([protocol, path]) => listenersFrom(await textOf(path), protocol)),
  );
  return texts.flat();
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}

const keyOf = ({ protocol, port }: Listener): string => `${protocol} ${port}`;

/** Who listens on ports that a container at rest, or on the host network, asked for. */
export type Claims = {
  /** A program that is no container's and not Docker's. */
  readonly others: ReadonlySet<string>;
  /** Nobody that can be seen from here. */
  readonly unseen: ReadonlySet<string>;
};

/** @param contested of the ports given as `tcp 80`, those that are worth the look at every process */
export type ReadClaims = (
  contested: (listening: ReadonlySet<string>) => ReadonlySet<string>,
) => Promise<Claims>;

/** A socket whose owner was seen once is not looked for again. */
export function createClaims(): ReadClaims {
  let known: ReadonlyMap<string, Owner> = new Map();
  return async (contested) => {
    const { owners, ...claims } = await readClaims(contested, known);
    known = owners;
    return claims;
  };
}

type Owner = 'docker' | 'other';

async function readClaims(
  contested: (listening: ReadonlySet<string>) => ReadonlySet<string>,
  known: ReadonlyMap<string, Owner>,
): Promise<Claims & { readonly owners: ReadonlyMap<string, Owner> }> {
  const listeners = await readListeners();
  const wanted = contested(new Set(listeners.map(keyOf)));
  const sockets = listeners.filter((listener) => wanted.has(keyOf(listener)));
  const fresh = sockets.filter(({ inode }) => !known.has(inode));
  const found = fresh.length === 0 ? new Map<string, Owner>() : await ownersOf(fresh);
  const owners = new Map<string, Owner>();
  const others = new Set<string>();
  const unseen = new Set<string>();
  for (const listener of sockets) {
    const owner = known.get(listener.inode) ?? found.get(listener.inode);
    if (owner !== undefined) owners.set(listener.inode, owner);
    if (owner === undefined) unseen.add(keyOf(listener));
    else if (owner === 'other') others.add(keyOf(listener));
  }
  return { others, unseen, owners };
}

/** Whose each socket is, for those whose process can be seen. */
async function ownersOf(sockets: readonly Listener[]): Promise<ReadonlyMap<string, Owner>> {
  const inodes = new Map(sockets.map(({ inode }) => [`socket:[${inode}]`, inode]));
  const owners = new Map<string, Owner>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (owners.size === inodes.size) break;
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []); // ended meanwhile
    const links = await Promise.all(
      fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
    );
    const held = links.flatMap((link) => inodes.get(link) ?? []);
    if (held.length === 0) continue;
    const owner = await ownerOf(pid);
    if (owner === undefined) continue;
    for (const inode of held) owners.set(inode, owner);
  }
  return owners;
}

/** Ports on which a program of this name listens, on more than loopback. Without /proc of the host: none. */
export async function portsOfProgram(
  name: string,
): Promise<readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number }[]> {
  const pids = (await readdir('/proc')).filter((each) => /^\d+$/.test(each));
  const inodes = new Set<string>();
  for (const pid of pids) {
    const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (comm.trim() !== name) continue;
    const fds = await readdir(`/proc/${pid}/fd`).catch(() => []); // ended meanwhile
    for (const fd of fds) inodes.add(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
  }
  if (inodes.size === 0) return [];
  const ports = new Map<string, { protocol: 'tcp' | 'udp'; port: number }>();
  for (const { protocol, port, inode, address } of await readListeners()) {
    const loopback = address === '0100007F' || address === '00000000000000000000000001000000';
    if (loopback || protocol === 'sctp' || !inodes.has(`socket:[${inode}]`)) continue;
    ports.set(`${protocol} ${port}`, { protocol, port });
  }
  return [...ports.values()];
}

/**
 * Docker itself, its proxy, or a process inside a container (its cgroup has the container's id).
 * Undefined: it has ended.
 */
async function ownerOf(pid: string): Promise<Owner | undefined> {
  const [name, cgroup] = await Promise.all(
    ['comm', 'cgroup'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
  );
  if (name === '' || cgroup === '') return undefined;
  const isDockers = /^(docker-proxy|dockerd)$/m.test(name ?? '');
  return isDockers || /[0-9a-f]{64}/.test(cgroup ?? '') ? 'docker' : 'other';
}
