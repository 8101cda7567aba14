/**
 * A Debian with systemd as its first process, in the lab's host namespace: pid, mount and control
 * group namespaces of its own over a root that debootstrap made and that stays as it is (overlayfs).
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunOptions, RunResult } from '../../src/adapters/run.ts';
import { run } from '../../src/adapters/run.ts';
import { cgroupOf } from './cgroup.ts';
import type { Lab } from './lab.ts';
import { lastLines, type Started } from './processes.ts';
import { waitUntil } from './wait-until.ts';

export const SYSTEMD_ROOT = `${process.env['LAB_CACHE'] ?? '/var/cache/portcullis-lab'}/systemd-trixie`;

/** The machine's own kernel settings are shown, not given: only those of the network are the lab's. */
const ENTER = `
set -e
base=$1 work=$2 group=$3
echo $$ > "$group/cgroup.procs"
exec unshare --cgroup --mount --pid --uts --ipc --fork --kill-child sh -ec '
base=$1 work=$2 root=$2/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
for each in kernel fs vm; do
  mount --bind "$root/proc/sys/$each" "$root/proc/sys/$each"
  mount -o remount,bind,ro "$root/proc/sys/$each"
done
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for each in null zero full random urandom tty; do
  touch "$root/dev/$each"
  mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/run/before"
cd "$root"
pivot_root . run/before
umount -l /run/before
rmdir /run/before
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --log-target=console
' sh "$base" "$work"
`;

/** Would only fail here, or ask the network. */
const MASKED = [
  ...['console-getty.service', 'systemd-modules-load.service', 'systemd-sysctl.service'],
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'fstrim.timer', 'logrotate.timer'],
];

export type SystemdHost = {
  /** Where its files are seen from outside. */
  readonly root: () => string;
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** As `run`; another exit code than 0 throws, with what it printed. */
  ok(argv: readonly string[], options?: RunOptions): Promise<string>;
  /** Its Docker, by this machine's docker command. */
  docker(...args: readonly string[]): Promise<string>;
  /** Everything ends at once, as at a power cut, and boots again from the same disk. */
  powerCycle(): Promise<void>;
  journal(unit: string): Promise<string>;
};

export async function bootSystemdHost(lab: Lab): Promise<SystemdHost> {
  if (!existsSync(join(SYSTEMD_ROOT, '.complete'))) {
    throw new Error(`${SYSTEMD_ROOT} is not there: run "bash .ci/systemd-root"`);
  }
  const work = join(lab.folder, 'systemd');
  for (const name of ['upper', 'work', 'root']) await mkdir(join(work, name), { recursive: true });
  const hierarchy = existsSync('/sys/fs/cgroup/unified')
    ? '/sys/fs/cgroup/unified'
    : '/sys/fs/cgroup';
  const group = join(hierarchy, cgroupOf(lab.folder));
  await mkdir(group, { recursive: true });
  let unshare: Started;
  let first = 0;

  const boot = async (): Promise<void> => {
    unshare = lab.host.start(['sh', '-c', ENTER, 'sh', SYSTEMD_ROOT, work, group]);
    first = await waitUntil(`systemd is there:\n${lastLines(unshare.output())}`, async () => {
      const { pid } = unshare;
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
      return Number(children.trim().split(' ')[0]) || undefined;
    });
    await waitUntil(
      'it has booted',
      async () => {
        const { stdout } = await host.run(['systemctl', 'is-system-running']);
        return /running|degraded/.test(stdout);
      },
      60_000,
    );
  };

  const host: SystemdHost = {
    root: () => `/proc/${first}/root`,
    run: (argv, options) =>
      run(
        'nsenter',
        [
          ...['-t', String(first), '-m', '-p', '-n', '-u', '-i', '-C', '-r', '-w'],
          ...['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...argv],
        ],
        options,
      ),
    async ok(argv, options) {
      const { code, stdout, stderr } = await host.run(argv, options);
      if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
      return stdout;
    },
    async docker(...args) {
      const url = `unix://${host.root()}/run/docker.sock`;
      const { code, stdout, stderr } = await run('docker', ['-H', url, ...args], {
        timeoutMs: 60_000,
      });
      if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout.trim();
    },
    async powerCycle() {
      process.kill(first, 'SIGKILL'); // the kernel ends all of its namespace with it
      await unshare.ended;
      await rm(join(work, 'work'), { recursive: true, force: true });
      await mkdir(join(work, 'work'));
      await boot();
    },
    journal: (unit) => host.ok(['journalctl', '-b', '--no-pager', '-o', 'cat', '-u', unit]),
  };

  const units = join(work, 'upper/etc/systemd/system');
  await mkdir(units, { recursive: true });
  await Promise.all(MASKED.map((name) => run('ln', ['-s', '/dev/null', join(units, name)])));
  await boot();
  return host;
}
