/** SARIF 2.1.0, as code scanning services read it (OASIS, "Static Analysis Results Interchange Format"). */
import type { Finding, PathName } from './exposure.ts';

const RULES: Readonly<Record<PathName, string>> = {
  'published-v4': 'A published port answers from outside over IPv4',
  'published-v6': 'A published port answers from outside over IPv6',
  'userland-proxy-v4': "Docker's userland proxy answers from outside over IPv4",
  'userland-proxy-v6': "Docker's userland proxy answers neighbours by a link-local address",
  'direct-v4': "A container's own IPv4 address answers from outside",
  'direct-v6': "A container's own IPv6 address answers from outside",
  'loopback-neighbour': 'A port published on 127.0.0.1 answers a neighbour',
  'host-network': 'A port of a container on the host network answers from outside',
  'swarm-ingress': 'A port that a Swarm publishes on every node answers from outside',
  macvlan: 'A container stands on the network beside the host, where no rule guards it',
};

/** What is open or cannot be guarded; the rest is no result. */
export function sarif(findings: readonly Finding[], version: string): unknown {
  const ids = Object.keys(RULES);
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Portcullis',
            version,
            rules: Object.entries(RULES).map(([id, text]) => ({
              id,
              shortDescription: { text },
              defaultConfiguration: { level: id === 'macvlan' ? 'warning' : 'error' },
            })),
          },
        },
        results: findings.flatMap((finding) => result(finding, ids)),
      },
    ],
  };
}

function result(finding: Finding, ids: readonly string[]): readonly unknown[] {
  const { container, port, protocol, bind, path, verdict, certain, reason, fix } = finding;
  if (verdict !== 'open' && verdict !== 'unguardable') return [];
  const where = `${container} ${port}/${protocol}${bind === '' ? '' : ` (${bind})`}`;
  const help = fix === undefined ? '' : ` Fix: ${fix}.`;
  return [
    {
      ruleId: path,
      ruleIndex: ids.indexOf(path),
      level: verdict === 'open' && certain ? 'error' : 'warning',
      message: { text: `${where}: ${reason}.${help}` },
      locations: [
        { logicalLocations: [{ name: container, fullyQualifiedName: where, kind: 'resource' }] },
      ],
      partialFingerprints: { 'portcullis/v1': `${container} ${port}/${protocol} ${bind} ${path}` },
    },
  ];
}
