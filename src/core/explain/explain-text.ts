/** Facts about one container, host or port -> sentences, in the order of the packet's and the label's way. */
import type { Finding } from '../exposure/exposure.ts';
import { nearLabels } from '../labels/near-labels.ts';
import type { Container, Problem } from '../model.ts';
import { problemText, shownName, shownValue } from '../problem-text.ts';
import type { RejectedRoute } from '../routes-model.ts';
import { decisive, ownerOf, type TraceStep } from './trace-lines.ts';

/** One step of the explanation. */
export type Step = {
  readonly about:
    'labels' | 'decision' | 'file' | 'upstream' | 'health' | 'firewall' | 'request' | 'trace';
  readonly text: string;
};

export function labelSteps({ labels }: Container, prefix: string): readonly Step[] {
  const own = Object.entries(labels).filter(([key]) => key.startsWith(`${prefix}.`));
  const texts = [
    ...(own.length === 0 ? [`no label begins with "${prefix}."`] : []),
    ...own.map(([key, value]) => `${shownName(key)} = ${shownValue(value)}`),
    ...nearLabels(labels, prefix).map(
      ({ label, meant }) => `${shownName(label)} is not read; is ${shownName(meant)} meant?`,
    ),
  ];
  return texts.map((text) => ({ about: 'labels', text }));
}

export type Served = {
  readonly host: string;
  readonly path: string;
  readonly address: string;
  readonly scheme: Scheme;
};

/** How clients reach a site. */
export type Scheme = 'http' | 'https';

/** Why a container has the routes it has, or none. */
export function decisionSteps(
  container: Container,
  {
    served,
    rejected,
    problems,
    discovery,
    prefix,
  }: {
    served: readonly Served[];
    rejected: readonly RejectedRoute[];
    problems: readonly Problem[];
    discovery: string;
    prefix: string;
  },
): readonly Step[] {
  const steps: Step[] = [
    ...served.map(({ host, path, address, scheme }) =>
      decision(`${scheme}://${host}${path} goes to ${address}`),
    ),
    ...rejected.map(({ host, path, reason }) => decision(`${host}${path} is rejected: ${reason}`)),
    ...problems
      .filter(({ container: name }) => name === container.name)
      // What rejects a route is told with it.
      .filter(({ reason }) => !rejected.some((each) => each.reason === reason))
      .map((problem) => decision(problemText(problem))),
  ];
  return steps.length > 0 ? steps : [decision(whyNothing(container, { discovery, prefix }))];
}

const decision = (text: string): Step => ({ about: 'decision', text });

function whyNothing(
  { state, labels, published, networkMode }: Container,
  { discovery, prefix }: { discovery: string; prefix: string },
): string {
  if (state !== 'running')
    return `no route: it is ${state}, and only running containers are served`;
  if (labels[`${prefix}.enable`] === 'false') return `no route: ${prefix}.enable is false`;
  if (
    discovery === 'labelled' &&
    !Object.keys(labels).some((key) => key.startsWith(`${prefix}.`))
  ) {
    return `no route: it has no "${prefix}." label, and discovery is "labelled"; add ${prefix}.enable=true`;
  }
  if (published.length === 0 && networkMode !== 'host') {
    return 'no route: it publishes no port; publish one, as 127.0.0.1:8080:80';
  }
  return 'no route: none of its published ports is TCP';
}

export function healthStep({ health, state }: Container): Step {
  const texts: Readonly<Record<Container['health'], string>> = {
    none: 'it has no health check: traffic goes to it as soon as it runs',
    starting: 'Docker says starting: no traffic goes to it until it is healthy',
    healthy: 'Docker says healthy',
    unhealthy: 'Docker says unhealthy: no traffic goes to it',
  };
  return { about: 'health', text: state === 'running' ? texts[health] : `it is ${state}` };
}

export const firewallSteps = (findings: readonly Finding[]): readonly Step[] =>
  findings.length === 0
    ? [{ about: 'firewall', text: 'no port of it is known, so no path leads to one' }]
    : findings.map(({ port, protocol, path, verdict, certain, reason, fix }) => ({
        about: 'firewall',
        text:
          `${port}/${protocol} by ${path} is ${certain ? verdict : 'unclear'}: ${reason}` +
          (fix === undefined ? '' : `. Fix: ${fix}`),
      }));

/** What came of connecting to a server of a route from this host. */
export type Connect = 'connected' | 'refused' | 'ended' | 'silent';

export function upstreamStep(address: string, met: Connect): Step {
  const texts: Readonly<Record<Connect, string>> = {
    connected: `${address} takes connections`,
    refused: `${address} refuses: nothing listens there; does the process in the container listen on that port, and on 0.0.0.0?`,
    ended: `${address} ends a connection at once: Docker's proxy takes it, and in the container nothing listens on that port`,
    silent: `${address} does not answer: something on this host drops the packets`,
  };
  return { about: 'upstream', text: texts[met] };
}

/** The answer to a request through Nginx. `closed`: the connection ended without one. */
export type Live =
  { readonly status: number } | { readonly failed: 'refused' | 'closed' | 'silent' };

export type LiveContext = {
  readonly scheme: Scheme;
  readonly address: string;
  /** Any upstream that does not take connections. */
  readonly deadUpstream: string | undefined;
  /** Some route of the host has no server that is ready. */
  readonly waiting: boolean;
  readonly allow: readonly string[];
  /** The forward-auth endpoint of the path that was asked for. */
  readonly authRequest: string | undefined;
  /** The host is in the generation that Nginx was given. */
  readonly isLive: boolean;
};

export function requestStep(host: string, live: Live, context: LiveContext): Step {
  const ask = `GET ${context.scheme}://${host}/ at ${context.address}`;
  return { about: 'request', text: `${ask}: ${meaning(live, context)}` };
}

function meaning(
  live: Live,
  { deadUpstream, waiting, allow, authRequest, isLive }: LiveContext,
): string {
  if ('failed' in live) {
    switch (live.failed) {
      case 'refused':
        return 'refused: Nginx does not listen there; start it, as "systemctl start nginx"';
      case 'silent':
        return 'no answer in time: Nginx or the container hangs';
      case 'closed':
      default:
        return isLive
          ? 'closed without an answer (444): Nginx knows no such host; does it read what Portcullis writes? Try "portcullis doctor"'
          : 'closed without an answer (444): no live site has this name; run "portcullis generate", or see the decision above';
    }
  }
  const { status } = live;
  switch (status) {
    case 302:
      return authRequest === undefined
        ? '302'
        : `302: ${authRequest} (auth-request) asks for a login, or the container itself says so`;
    case 500:
      return authRequest === undefined
        ? '500: the container itself says so; see its log'
        : `500: ${authRequest} (auth-request) does not answer with 2xx, 401 or 403, or the container itself says so`;
    case 502:
      return '502: the container itself says so; see its log';
    case 503:
      if (waiting) return '503: no container of this route is ready; see its health';
      return deadUpstream === undefined
        ? "503: the upstream failed, or the container itself says so; see its log and Nginx's"
        : `503: the upstream failed: nothing listens on ${deadUpstream}`;
    case 429:
      return '429: the rate that its label allows is used up';
    case 504:
      return '504: the container took longer than its timeout label allows';
    case 403:
      return allow.length > 0
        ? `403: this host is none of the addresses that allow names (${allow.join(', ')})`
        : `403: ${authRequest ?? 'the container itself'} refuses`;
    case 401:
      if (authRequest !== undefined) return `401: ${authRequest} (auth-request) asks for a login`;
      return '401: a name and a password are asked for (auth-basic)';
    default:
      return `${status}`;
  }
}

export function traceTexts(port: number, steps: readonly TraceStep[]): readonly Step[] {
  if (steps.length === 0) {
    return [
      { about: 'trace', text: `a packet to ${port} met no rule of nft: nothing there drops it` },
    ];
  }
  const by = decisive(steps);
  const way = steps.map(({ table, chain, verdict }) => `${table} ${chain}: ${verdict}`);
  return [
    {
      about: 'trace',
      text: `a stranger's packet to ${port} went: ${[...new Set(way)].join(' -> ')}`,
    },
    {
      about: 'trace',
      text:
        by === undefined
          ? 'no rule dropped it'
          : `chain ${by.chain} of table ${by.table} (${ownerOf(by)}) dropped it: ${by.rule}`,
    },
  ];
}
