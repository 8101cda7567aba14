import type { Answer, Exposure, Finding, PathName, Verdict } from './exposure.ts';

/** What is known for sure without a packet. */
export type Known = {
  /** The ruleset of this tool is in the kernel, whole. */
  readonly enforced: boolean;
  /** Paths that the backend cannot close, in its own words. */
  readonly gaps: readonly string[];
  /** As Docker says it: `20.10.24`. */
  readonly engineVersion: string;
  readonly loopbackRulesOff: boolean;
};

type Judged = { readonly verdict: Verdict; readonly reason: string };

/** @param answer what a packet met; undefined: none was sent */
export function findingOf(exposure: Exposure, known: Known, answer: Answer | undefined): Finding {
  const { container, port, protocol, bind, path, granted } = exposure;
  const judged = judge(exposure, known, answer);
  const proven =
    exposure.target !== undefined &&
    (answer === 'connected' || (answer === 'silent' && protocol === 'tcp'));
  return {
    ...{ container, port, protocol, bind, path },
    ...judged,
    proven,
    ...(judged.verdict === 'open' && { fix: fixFor(path, granted, known) }),
  };
}

function judge(exposure: Exposure, known: Known, answer: Answer | undefined): Judged {
  const still = withoutPackets(exposure, known);
  switch (answer) {
    case 'connected':
      return exposure.granted === 'everyone'
        ? { verdict: 'public', reason: 'answers a stranger, as its label says' }
        : { verdict: 'open', reason: 'answers a stranger' };
    case 'silent':
      if (exposure.protocol === 'tcp')
        return { verdict: 'closed', reason: 'no answer to a stranger' };
      return { ...still, reason: `silent, which proves nothing for UDP; ${still.reason}` };
    case 'refused':
      return { ...still, reason: `refused now, which proves nothing; ${still.reason}` };
    case 'unsent':
      return { ...still, reason: `no packet could be sent; ${still.reason}` };
    case undefined:
    default:
      return still;
  }
}

function withoutPackets({ path, granted, unprotected, covered }: Exposure, known: Known): Judged {
  if (path === 'macvlan') {
    return { verdict: 'unguardable', reason: 'its packets never pass the firewall of the host' };
  }
  if (known.enforced && covered && !hasGap(path, known.gaps)) {
    if (granted !== 'nobody') return { verdict: 'public', reason: 'let in by its label' };
    return { verdict: 'closed', reason: 'the firewall of Portcullis is in force' };
  }
  const [major = 0] = known.engineVersion.split('.').map(Number);
  const closedByEngine =
    major >= 28 &&
    ((path === 'loopback-neighbour' && !known.loopbackRulesOff) ||
      (path.startsWith('direct-') && !unprotected));
  if (closedByEngine) {
    return { verdict: 'closed', reason: `Docker ${known.engineVersion} drops it by default` };
  }
  return { verdict: 'open', reason: 'not closed by anything this tool can see' };
}

const hasGap = (path: PathName, gaps: readonly string[]): boolean =>
  path.endsWith('-v6') && gaps.some((gap) => gap.startsWith('everything over IPv6'));

function fixFor(path: PathName, granted: Exposure['granted'], { enforced }: Known): string {
  if (granted === 'some') {
    return 'portcullis firewall apply: only the addresses that its label names may get in';
  }
  const firewall = enforced ? '' : 'portcullis firewall apply';
  const cause = CAUSES[path];
  return firewall === '' ? cause : `${firewall}; or: ${cause}`;
}

const CAUSES: Readonly<Record<PathName, string>> = {
  'published-v4': 'publish on 127.0.0.1, or set "ip": "127.0.0.1" in daemon.json',
  'published-v6': 'publish on 127.0.0.1, or set "ip": "127.0.0.1" in daemon.json',
  'userland-proxy-v6': 'publish on 127.0.0.1, or set "userland-proxy": false in daemon.json',
  'direct-v4': 'run Docker 28 or newer, which drops packets routed to a container',
  'direct-v6': 'run Docker 28 or newer, which drops packets routed to a container',
  'loopback-neighbour': 'run Docker 28 or newer, which drops 127.0.0.1 from the wire',
  'host-network': 'name the port in a portcullis.port label, or listen on 127.0.0.1',
  macvlan: 'use a bridge network',
};
