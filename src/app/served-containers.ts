import { openStore } from '../adapters/generation-store.ts';

/** Ids of the containers that the live generation serves. */
export async function servedContainers(dir: string): Promise<readonly string[]> {
  const live = await openStore(dir).live();
  const servers = (live?.manifest.sites ?? []).flatMap(({ routes }) =>
    routes.flatMap((route) => route.servers),
  );
  return [...new Set(servers.map(({ id }) => id))];
}
