/** The site of `status.host`: what the running watch says of itself, through Nginx. */
import { PRIVATE_NETWORKS } from './private-networks.ts';
import type { Candidate } from './routes.ts';
import { PLAIN } from './routes-model.ts';
import type { Settings } from './settings-schema.ts';

/** Undefined where no host is set, or nobody listens. It takes part as a container would: who holds the host keeps it. */
export function statusCandidate({
  status: { host, listen },
  firewall: { trusted_sources },
}: Pick<Settings, 'status' | 'firewall'>): Candidate | undefined {
  if (host === '' || listen === '') return undefined;
  const [id, name] = ['portcullis-status', 'portcullis'];
  return {
    lingering: false,
    draining: false,
    container: {
      ...{ id, name, image: '', createdAt: 0, state: 'running', health: 'none', labels: {} },
      ...{ networkMode: 'host', published: [], portBindings: [], exposed: [], endpoints: [] },
    },
    routes: {
      problems: [],
      wanted: [
        {
          host,
          path: '/',
          redirectFrom: [],
          owner: 'Portcullis itself',
          unshared: true,
          ready: true,
          server: { address: listen, container: name, id },
          access: {
            ...PLAIN,
            // Counts and versions are nobody else's business.
            allow: [...PRIVATE_NETWORKS, ...trusted_sources],
          },
        },
      ],
    },
  };
}
