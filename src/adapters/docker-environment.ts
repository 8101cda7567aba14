import type { Container } from '../core/model.ts';
import type { DockerSource } from './docker.ts';

/** Inspects at once: a list of hundreds must not ask Docker everything in one moment. */
const AT_ONCE = 8;

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
    const waiting = [...listed];
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        const { id } = next;
        const environment = known.has(id)
          ? known.get(id)
          : (await source.inspect(id, signal))?.environment;
        environments.set(id, environment);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
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
