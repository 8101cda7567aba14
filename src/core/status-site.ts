/** The site of `status.host`: what the running watch says of itself, through Nginx. */
import type { Candidate } from './routes.ts';
import type { Settings } from './settings-schema.ts';

/** Loopback and private networks: counts and versions are nobody else's business. */
const INTERNAL = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
];

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
            stripPrefix: false,
            scheme: 'http',
            balance: 'round_robin',
            allow: [...INTERNAL, ...trusted_sources],
            buffering: true,
            tls: 'auto',
          },
        },
      ],
    },
  };
}
