/** What another machine's nmap found, against what this audit says. */
import type { IpProtocol } from '../model.ts';
import type { Finding, PathName } from './exposure.ts';

export type NmapPort = {
  readonly protocol: IpProtocol;
  readonly port: number;
  readonly state: string;
};

/** One host of `nmap -oX`. */
export type NmapHost = {
  readonly address: string;
  /** Ports that are told one by one; the others are in `scanned` only. */
  readonly ports: readonly NmapPort[];
  readonly scanned: readonly { readonly protocol: IpProtocol; readonly services: string }[];
};

export type NmapDifference = {
  readonly address: string;
  readonly protocol: IpProtocol;
  readonly port: number;
  readonly nmap: string;
  /** `no container port`: what nmap found belongs to no container, so this is no contradiction. */
  readonly audit: 'open' | 'public' | 'closed' | 'no container port';
};

const EVERY_FAMILY: readonly PathName[] = ['host-network', 'swarm-ingress'];

/** Port of the host by which a finding's path is taken; undefined where no port of the host is. */
export function hostPortOf({ path, bind, port }: Finding): number | undefined {
  if (path === 'host-network') return port;
  if (path.startsWith('published-') || path === 'userland-proxy-v4' || path === 'swarm-ingress') {
    return Number(bind.slice(bind.lastIndexOf(':') + 1));
  }
  return undefined;
}

export function nmapDifferences(
  { address, ports, scanned }: NmapHost,
  findings: readonly Finding[],
): readonly NmapDifference[] {
  const family = address.includes(':') ? '-v6' : '-v4';
  const own = findings.filter(({ path }) => EVERY_FAMILY.includes(path) || path.endsWith(family));
  const verdicts = new Map<string, Finding>();
  for (const finding of own) {
    const key = `${finding.protocol} ${hostPortOf(finding) ?? ''}`;
    const known = verdicts.get(key);
    if (known === undefined || known.verdict === 'closed') verdicts.set(key, finding);
  }
  const told = new Map(ports.map((each) => [`${each.protocol} ${each.port}`, each]));
  const foundOpen = ports
    .filter(({ state }) => state === 'open')
    .flatMap(({ protocol, port, state }): readonly NmapDifference[] => {
      const finding = verdicts.get(`${protocol} ${port}`);
      if (finding?.verdict === 'open' || finding?.verdict === 'public') return [];
      const audit = finding === undefined ? 'no container port' : 'closed';
      return [{ address, protocol, port, nmap: state, audit }];
    });
  const notFound = [...verdicts].flatMap(([key, finding]): readonly NmapDifference[] => {
    const { protocol, verdict, limited } = finding;
    const port = hostPortOf(finding);
    if (port === undefined || (verdict !== 'open' && verdict !== 'public')) return [];
    // Who scanned may be one of those who are not let in.
    if (limited === true || !wasScanned(scanned, protocol, port)) return [];
    const state = told.get(key)?.state ?? 'not open';
    // UDP that is silent says nothing.
    if (state === 'open' || state === 'open|filtered') return [];
    return [{ address, protocol, port, nmap: state, audit: verdict }];
  });
  return [...foundOpen, ...notFound];
}

/** A contradiction; a port that is no container's is only worth knowing. */
export const contradicts = ({ audit }: NmapDifference): boolean => audit !== 'no container port';

function wasScanned(scanned: NmapHost['scanned'], protocol: IpProtocol, port: number): boolean {
  return scanned
    .filter((each) => each.protocol === protocol)
    .flatMap(({ services }) => services.split(','))
    .some((range) => {
      const [low = '', high = low] = range.split('-');
      return Number(low) <= port && port <= Number(high);
    });
}

/** Commands for another machine, one a family that has paths. */
export function nmapCommands(
  findings: readonly Finding[],
  addresses: { readonly v4: string | undefined; readonly v6: string | undefined },
): readonly string[] {
  return (['v4', 'v6'] as const).flatMap((family) => {
    const address = addresses[family];
    const own = findings.filter(
      ({ path }) => EVERY_FAMILY.includes(path) || path.endsWith(`-${family}`),
    );
    const list = (protocol: IpProtocol): string =>
      [
        ...new Set(
          own
            .filter((each) => each.protocol === protocol)
            .flatMap((each) => hostPortOf(each) ?? []),
        ),
      ]
        .toSorted((a, b) => a - b)
        .join(',');
    const [tcp, udp] = [list('tcp'), list('udp')];
    if (address === undefined || (tcp === '' && udp === '')) return [];
    const kinds = [tcp === '' ? '' : '-sS', udp === '' ? '' : '-sU', family === 'v6' ? '-6' : ''];
    const ports = [tcp === '' ? '' : `T:${tcp}`, udp === '' ? '' : `U:${udp}`].filter(Boolean);
    const flags = ['nmap', '-n', '-Pn', ...kinds.filter(Boolean), '-p', ports.join(',')];
    return [[...flags, '-oX', `portcullis-${family}.xml`, address].join(' ')];
  });
}
