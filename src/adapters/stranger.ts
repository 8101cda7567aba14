/**
 * A stranger to this host: a network namespace joined to it by a veth pair. The namespace has no
 * name and lives as long as one child process, which ends when this process does, however that
 * ends; the kernel then takes namespace and pair away. No rule is touched.
 */
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import type { Answer } from '../core/exposure/exposure.ts';
import { PortcullisError } from '../errors.ts';
import type { Run } from './run.ts';
import type { Dial } from './stranger-dial.ts';

export type Stranger = {
  /** The host's address on the wire to the stranger, by family. */
  readonly host: { readonly v4: string; readonly v6: string; readonly linkLocal: string };
  /** Its name on the host. */
  readonly link: string;
  /** The stranger's own addresses. */
  readonly guest: { readonly v4: string; readonly v6: string; readonly linkLocal: string };
  /** Answers in the order of `dials`; `unsent` where the wire is known not to work. */
  dial(dials: readonly Dial[], onAnswer: (count: number) => void): Promise<readonly Answer[]>;
  leave(): Promise<void>;
};

/** @throws {PortcullisError} `probe-impossible` */
export async function inviteStranger(run: Run): Promise<Stranger> {
  const child = spawn(
    'unshare',
    ['--net', '--', process.execPath, process.argv[1] ?? '', 'stranger'],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => {}); // it may end first
  const heard: string[] = [];
  let wake: (() => void) | undefined;
  let alive = true;
  createInterface({ input: child.stdout }).on('line', (line) => {
    heard.push(line);
    wake?.();
  });
  void ended.then(() => {
    alive = false;
    wake?.();
  });
  const next = async (): Promise<string> => {
    for (;;) {
      const line = heard.shift();
      if (line !== undefined) return line;
      if (!alive) throw impossible('the helper process ended; it takes root and "unshare"');
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const leave = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await next();
    return {
      ...(await wire(run, child.pid ?? 0, { next, send: (text) => child.stdin.write(text) })),
      leave,
    };
  } catch (error) {
    await leave();
    throw error;
  }
}

type Talk = { readonly next: () => Promise<string>; readonly send: (text: string) => unknown };

async function wire(run: Run, pid: number, { next, send }: Talk): Promise<Omit<Stranger, 'leave'>> {
  const link = `pcs${pid}`;
  const net = freeNet();
  const [host4, guest4] = [`198.18.${net}.1`, `198.18.${net}.2`];
  const [host6, guest6] = [`fd50:6f72:7463:${net}::1`, `fd50:6f72:7463:${net}::2`];
  const inside = ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
  const must = async ([command = '', ...args]: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(command, args);
    if (code === 0) return stdout;
    throw impossible(`${[command, ...args].join(' ')}: ${stderr.trim()}`);
  };
  const ip = (at: readonly string[], text: string): Promise<string> =>
    must([...at, 'ip', ...text.split(' ')]);
  await ip([], `link add ${link} type veth peer name eth0 netns ${pid}`);
  await ip([], `addr add ${host4}/30 dev ${link}`);
  await ip([], `link set ${link} up`);
  await ip(inside, `addr add ${guest4}/30 dev eth0`);
  await ip(inside, 'link set eth0 up');
  await ip(inside, `route add default via ${host4}`);
  // As a layer-2 neighbour asks for the host's 127.0.0.1; its own lo stays down, so it has none.
  await must([...inside, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  await ip(inside, `route add 127.0.0.0/8 via ${host4} src ${guest4}`);
  const forwarding = (name: string): string => `/proc/sys/net/ipv4/conf/${name}/forwarding`;
  // A card that is there when Docker starts forwards; this one came later.
  const forwards = (await readFile(forwarding('all'), 'utf8')).trim() === '1';
  if (forwards) await writeFile(forwarding(link), '1');
  const v6 = await run('ip', ['-6', 'addr', 'add', `${host6}/64`, 'dev', link, 'nodad']);
  if (v6.code === 0) {
    await ip([], `-6 addr add fe80::1/64 dev ${link} nodad`);
    await ip(inside, `-6 addr add ${guest6}/64 dev eth0 nodad`);
    await ip(inside, '-6 addr add fe80::2/64 dev eth0 nodad');
    await ip(inside, `-6 route add default via ${host6}`);
  }
  return {
    link,
    host: { v4: host4, v6: host6, linkLocal: 'fe80::1%eth0' },
    guest: { v4: guest4, v6: guest6, linkLocal: 'fe80::2' },
    async dial(dials, onAnswer) {
      const answers = dials.map((): Answer => 'unsent');
      send(`${JSON.stringify(dials)}\n`);
      for (let count = 1, line = await next(); line !== '"done"'; line = await next()) {
        const [index, answer]: [number, Answer] = JSON.parse(line);
        answers[index] = answer;
        onAnswer(count++);
      }
      // Silence means something only where the wire works: the host has said its hardware address.
      const neighbours = await must([...inside, 'ip', 'neigh', 'show']);
      const lines = neighbours.split('\n').filter((line) => line.includes(' lladdr '));
      const reached = {
        v4: lines.some((line) => line.startsWith(`${host4} `)),
        v6: lines.some((line) => /^f[de]/.test(line)),
      };
      return answers.map((answer, index) => {
        const family = dials[index]?.address.includes(':') ? 'v6' : 'v4';
        return answer === 'silent' && !reached[family] ? 'unsent' : answer;
      });
    },
  };
}

/** Third byte of a network of 198.18.0.0/15, made for tests, that no interface here uses. */
function freeNet(): number {
  const used = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (let net = process.pid % 250; net < 256; net++) {
    if (!used.some(({ address }) => address.startsWith(`198.18.${net}.`))) return net;
  }
  throw impossible('every network of 198.18.0.0/16 is in use');
}

const impossible = (why: string): PortcullisError =>
  new PortcullisError('probe-impossible', `--probe cannot make its stranger here: ${why}`);
