import type { Container } from '../core/model.ts';
import type { DockerSource } from './docker.ts';
import { eachOf } from './each-of.ts';

/** A list of hundreds must not ask Docker everything in one moment. */
export const INSPECTS_AT_ONCE = 8;

/**
 * The same source, whose lists tell containers' environments as well. Only an inspect does, so each
 * container costs one, once: its environment never changes.
 */
export function withEnvironment<
  S extends Pick<DockerSource, 'containers' | 'inspect' | 'networks'>,
>(source: S): S & Pick<DockerSource, 'snapshot'> {
  let known: ReadonlyMap<string, Container['environment']> = new Map();
  const containers: DockerSource['containers'] = async (signal, options) => {
    const listed = await source.containers(signal, options);
    const environments = new Map<string, Container['environment']>();
    await eachOf(listed, INSPECTS_AT_ONCE, async ({ id }) => {
      const environment = known.has(id)
        ? known.get(id)
        : (await source.inspect(id, signal))?.environment;
      environments.set(id, environment);
    });
    known = environments;
    return listed.map((container) => {
      const environment = environments.get(container.id);
      return environment ? { ...container, environment } : container;
    });
  };
  return {
    ...source,
    containers,
    async snapshot(signal, options) {
      const [all, networks] = await Promise.all([
        containers(signal, options),
        source.networks(signal),
      ]);
      return { containers: all, networks };
    },
  };
}
