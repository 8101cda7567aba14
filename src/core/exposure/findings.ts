import { EVERYONE } from '../firewall/addresses.ts';
import type { Reach } from '../rules/reach.ts';
import type { Answer, Disagreement, Exposure, Finding, PathName, Verdict } from './exposure.ts';

/** What is known of one path. */
export type Evidence = {
  /** What the live rules say; undefined: no packet of the host's own hooks takes the path. */
  readonly reach: Reach | undefined;
  /** What the stranger's packet met; undefined: none was sent. */
  readonly answer: Answer | undefined;
  /** What the rules say of that very packet. */
  readonly predicted: 'passes' | 'is dropped' | 'unknown' | undefined;
  /** The ruleset of this tool is in the kernel, whole. */
  readonly enforced: boolean;
};

type Judged = {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly proven: boolean;
  readonly certain: boolean;
};

export function findingOf(exposure: Exposure, evidence: Evidence): Finding {
  const { container, port, protocol, bind } = exposure;
  const path = pathOf(exposure, evidence.reach);
  const judged = withPacket(exposure, evidence, fromRules(exposure, evidence.reach));
  return {
    ...{ container, port, protocol, bind, path },
    ...judged,
    ...(judged.verdict === 'public' && !isForAll(exposure) && { limited: true as const }),
    ...(judged.verdict === 'open' && { fix: fixFor(path, exposure, evidence) }),
  };
}

const isForAll = ({ sources }: Pick<Exposure, 'sources'>): boolean =>
  EVERYONE.every((each) => sources.includes(each));

/** Where Docker's DNAT does not take the packet, its userland proxy may. */
const pathOf = ({ path }: Exposure, reach: Reach | undefined): PathName =>
  path === 'published-v4' && reach?.via === 'delivered' ? 'userland-proxy-v4' : path;

function fromRules({ path, rule }: Exposure, reach: Reach | undefined): Judged {
  const sure = { proven: false, certain: true };
  if (path === 'macvlan') {
    const reason = 'its packets never pass the firewall of the host';
    return { ...sure, verdict: 'unguardable', reason };
  }
  if (reach === undefined) {
    const reason = 'the rules of this host could not be read';
    return { verdict: 'open', reason, proven: false, certain: false };
  }
  switch (reach.answer) {
    case 'open': {
      const who = reach.only.length === 0 ? 'anybody' : reach.only.join(', ');
      const through = rule === undefined ? '' : `, sent on by ${rule}`;
      return {
        ...sure,
        verdict: 'open',
        reason: `${who} gets in by ${reach.by.join(', ')}${through}`,
      };
    }
    case 'granted':
      return { ...sure, verdict: 'public', reason: 'let in by its label' };
    case 'closed':
      return { ...sure, verdict: 'closed', reason: reach.because };
    case 'unknown':
    default:
      return {
        verdict: 'open',
        reason: `it hangs on what cannot be judged: ${reach.because}`,
        proven: false,
        certain: false,
      };
  }
}

function withPacket(
  { protocol, sources }: Exposure,
  { answer, predicted }: Evidence,
  still: Judged,
): Judged {
  if (still.verdict === 'unguardable') return still;
  switch (answer) {
    case 'connected': {
      if (still.verdict === 'open') {
        const only = predicted === 'is dropped' ? '' : `; ${still.reason}`;
        return { ...still, proven: true, certain: true, reason: `answers a stranger${only}` };
      }
      if (still.verdict === 'public' && isForAll({ sources })) {
        return { ...still, proven: true, reason: 'answers a stranger, as its label says' };
      }
      if (predicted === 'passes') {
        // Right about the stranger's own interface, so right about the others.
        return {
          ...still,
          reason: `${still.reason}; an interface that no rule names gets an answer`,
        };
      }
      return { verdict: 'open', proven: true, certain: true, reason: 'answers a stranger' };
    }
    case 'silent':
      if (protocol !== 'tcp') {
        return { ...still, reason: `${still.reason}; silence proves nothing for UDP` };
      }
      if (still.verdict !== 'open') return { ...still, proven: still.verdict === 'closed' };
      if (!still.certain) {
        const reason = `no answer to a stranger; ${still.reason}`;
        return { verdict: 'closed', proven: true, certain: true, reason };
      }
      return { ...still, reason: `${still.reason}; a stranger got no answer` };
    case 'refused':
      return { ...still, reason: `${still.reason}; refused now` };
    case 'unsent':
      return { ...still, reason: `${still.reason}; no packet could be sent` };
    case undefined:
    default:
      return still;
  }
}

/** Only where both sides are sure of themselves. */
export function disagreementOf(
  { container, port, protocol, bind, path }: Exposure,
  { answer, predicted }: Evidence,
): Disagreement | undefined {
  const met = { container, port, protocol, bind, path };
  if (predicted === 'is dropped' && answer === 'connected') {
    return { ...met, said: predicted, met: answer };
  }
  if (predicted === 'passes' && answer === 'silent' && protocol === 'tcp') {
    return { ...met, said: predicted, met: answer };
  }
  return undefined;
}

function fixFor(path: PathName, { sources, rule }: Exposure, { enforced }: Evidence): string {
  if (sources.length > 0) {
    return 'portcullis firewall apply: only the addresses that its label names may get in';
  }
  const cause = rule === undefined ? CAUSES[path] : 'take that rule away';
  return enforced ? cause : `portcullis firewall apply; or: ${cause}`;
}

const CAUSES: Readonly<Record<PathName, string>> = {
  'published-v4': 'publish on 127.0.0.1, or set "ip": "127.0.0.1" in daemon.json',
  'published-v6': 'publish on 127.0.0.1, or set "ip": "127.0.0.1" in daemon.json',
  'userland-proxy-v4': 'publish on 127.0.0.1, or set "userland-proxy": false in daemon.json',
  'userland-proxy-v6': 'publish on 127.0.0.1, or set "userland-proxy": false in daemon.json',
  'direct-v4': 'run Docker 28 or newer, which drops packets routed to a container',
  'direct-v6': 'run Docker 28 or newer, which drops packets routed to a container',
  'loopback-neighbour': 'run Docker 28 or newer, which drops 127.0.0.1 from the wire',
  'host-network': 'name the port in a portcullis.port label, or listen on 127.0.0.1',
  'swarm-ingress':
    'publish with mode=host on the node that needs it, or not at all: a Swarm knows no bind address',
  macvlan: 'use a bridge network',
};
