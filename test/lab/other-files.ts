import type { Namespace } from './place.ts';

const BIND = 'while [ "$1" != -- ]; do mount --bind "$2" "$1"; shift 2; done; shift; exec "$@"';

/** The namespace, where files of ours stand for the machine's: `{ '/etc/hosts': '/tmp/…' }`. */
export function withFiles(inside: Namespace, files: Readonly<Record<string, string>>): Namespace {
  const within = (argv: readonly string[]): readonly string[] => [
    ...['unshare', '--mount', 'sh', '-ec', BIND, 'sh'],
    ...[...Object.entries(files).flat(), '--', ...argv],
  ];
  return {
    name: inside.name,
    run: (argv, options) => inside.run(within(argv), options),
    ok: (argv, options) => inside.ok(within(argv), options),
    start: (argv, env) => inside.start(within(argv), env),
  };
}
