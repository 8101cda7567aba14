/**
 * Runs a program of another Debian release, from a folder that debootstrap made. In a mount namespace
 * of its own with that folder as root (not chroot: `docker exec` would land in the wrong one).
 */
const ENTER = `
set -e
root=$1 shared=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
for each in run tmp; do mount -t tmpfs tmpfs "$root/$each"; done
mkdir -p "$root$shared" "$root/run/before"
mount --bind "$shared" "$root$shared"
cd "$root"
pivot_root . run/before
umount -l /run/before
exec "$@"
`;

/** @param shared a folder that is the same inside and outside, as the one that holds the socket */
export const inOtherRoot = (
  { root, shared }: { readonly root: string; readonly shared: string },
  argv: readonly string[],
): readonly string[] => ['unshare', '-m', 'sh', '-c', ENTER, 'sh', root, shared, ...argv];

/** The same for a further program, in the namespace of one that runs there. */
export const besides = (pid: number, argv: readonly string[]): readonly string[] => [
  ...['nsenter', `--mount=/proc/${pid}/ns/mnt`, '--'],
  ...argv,
];
