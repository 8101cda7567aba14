import type { Container, Problem } from '../core/model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import type { GlobalOptions } from './global-options.ts';

/** Running containers, from the file that `--from` names, else from Docker, with what a Swarm adds to them. */
export async function readContainers(
  { from, docker }: GlobalOptions & { readonly from?: string },
  settings: Settings,
): Promise<readonly Container[]> {
  if (from !== undefined) {
    const [{ readJson }, { readContainers: read }, { ShapeError }] = await Promise.all([
      import('../adapters/input.ts'),
      import('../core/docker/detect-shape.ts'),
      import('../core/docker/reader.ts'),
    ]);
    const json = await readJson(from);
    try {
      return read(json).containers;
    } catch (cause) {
      if (!(cause instanceof ShapeError)) throw cause;
      const name = from === '-' ? 'standard input' : from;
      throw new PortcullisError('bad-input', `${name}: ${cause.message}`, { cause });
    }
  }
  const { openDocker } = await import('../adapters/docker.ts');
  const source = await openDocker({ url: docker, env: process.env, compat: settings.compat });
  const { signal } = new AbortController(); // each call has a limit of its own
  const { routedNow } = await import('../app/swarm-once.ts');
  return routedNow(settings, { source, signal });
}

/** What labels make `public` and nothing publishes, for containers from a file: Docker's own are told by the firewall. */
export async function ungrantedIn(
  containers: readonly Container[],
  { from }: { readonly from?: string },
  { firewall, label_prefix }: Settings,
): Promise<readonly Problem[]> {
  if (from === undefined || firewall.mode === 'off') return [];
  const [{ containerAccess }, { unpublishedPublic }] = await Promise.all([
    import('../core/container-access.ts'),
    import('../core/firewall/grants.ts'),
  ]);
  return containers.flatMap((container) =>
    unpublishedPublic(container, containerAccess(container, label_prefix), label_prefix),
  );
}
