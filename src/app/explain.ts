/** Gathers what `explain` tells of one host, container or port. Reads; one request and one packet are sent. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerSource } from '../adapters/docker.ts';
import { openStore, type LiveGeneration } from '../adapters/generation-store.ts';
import { askNginx, tryConnect } from '../adapters/live-request.ts';
import { tracing, TRACE_TABLE } from '../adapters/packet-trace.ts';
import type { Run } from '../adapters/run.ts';
import { inviteStranger } from '../adapters/stranger.ts';
import type { Finding } from '../core/exposure/exposure.ts';
import { hostPortOf } from '../core/exposure/nmap.ts';
import {
  decisionSteps,
  firewallSteps,
  healthStep,
  labelSteps,
  requestStep,
  traceTexts,
  upstreamStep,
  type Step,
  type Scheme,
} from '../core/explain/explain-text.ts';
import { nearest, subjectsOf, type Subject } from '../core/explain/subject.ts';
import { traceSteps } from '../core/explain/trace-lines.ts';
import type { Container, IpProtocol } from '../core/model.ts';
import { shownName, shownValue } from '../core/problem-text.ts';
import type { Route, RoutePlan, Site } from '../core/routes-model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { hasTls, type ChooseCertificate } from '../core/tls/site-tls.ts';
import { PortcullisError } from '../errors.ts';
import { audit } from './audit.ts';
import { certificatesOf, planFor } from './plan-only.ts';
import { routedNow } from './swarm-once.ts';

export type Explanation = { readonly subject: string; readonly steps: readonly Step[] };

type Known = {
  readonly settings: Settings;
  readonly containers: readonly Container[];
  readonly plan: RoutePlan;
  readonly live: LiveGeneration | undefined;
  readonly findings: readonly Finding[];
  readonly certificateOf: ChooseCertificate;
  readonly run: Run;
};

/** @throws {PortcullisError} `bad-input`: nothing has that name */
export async function explain(
  asked: string,
  settings: Settings,
  { source, run, docker }: { source: DockerSource; run: Run; docker: string | undefined },
): Promise<readonly Explanation[]> {
  const signal = AbortSignal.timeout(30_000);
  const containers = await routedNow(settings, { source, signal, all: true });
  const running = containers.filter(({ state }) => state === 'running');
  const [plan, live, audited] = await Promise.all([
    planFor(running, settings, { docker }),
    openStore(settings.nginx.dir).live(),
    audit(settings, { source, run, probe: undefined, nmapFile: undefined }),
  ]);
  const subjects = subjectsOf(asked, { containers, plan });
  if (subjects.length === 0) {
    const near = nearest(asked, { containers, plan });
    const hint =
      near.length === 0 ? 'there is no container' : `near it are ${near.map(shownName).join(', ')}`;
    throw new PortcullisError(
      'bad-input',
      `no host, container or port is called ${shownValue(asked)}; ${hint}`,
    );
  }
  const known = {
    ...{ settings, containers, plan, live, findings: audited.findings, run },
    certificateOf: certificatesOf(settings),
  };
  const explained: Explanation[] = [];
  for (const subject of subjects) explained.push(await explainOne(subject, known));
  return explained;
}

async function explainOne(subject: Subject, known: Known): Promise<Explanation> {
  switch (subject.kind) {
    case 'container':
      return aboutContainer(subject.container, known);
    case 'host':
      return {
        subject: `host ${subject.host}`,
        steps: [...(await ofHost(subject.host, known)), ...(await requestTo(subject.host, known))],
      };
    case 'port':
    default:
      return aboutPort(subject.port, subject.containers, known);
  }
}

async function aboutContainer(container: Container, known: Known): Promise<Explanation> {
  const { plan } = known;
  const own = plan.sites.filter(({ routes }) =>
    routes.some(({ servers }) => servers.some(({ id }) => id === container.id)),
  );
  const requests = await Promise.all(own.map(({ host }) => requestTo(host, known)));
  return {
    subject: `container ${shownName(container.name)}`,
    steps: [...(await ofContainer(container, known)), ...requests.flat()],
  };
}

/** Labels, decision, file, upstream, health and firewall of one container. */
async function ofContainer(container: Container, known: Known): Promise<readonly Step[]> {
  const { plan, settings, findings } = known;
  const served = plan.sites.flatMap((site) =>
    site.routes.flatMap(({ path, servers }) =>
      servers
        .filter(({ id }) => id === container.id)
        .map(({ address }) => ({
          ...{ host: site.host, path, address },
          scheme: schemeOf(site, known),
        })),
    ),
  );
  const files = await Promise.all(
    [...new Set(served.map(({ host }) => host))].map((host) => fileStep(host, known)),
  );
  const upstreams = await Promise.all(
    [...new Set(served.map(({ address }) => address))].map(async (address) =>
      upstreamStep(address, await tryConnect(address)),
    ),
  );
  return [
    ...labelSteps(container, settings.label_prefix),
    ...decisionSteps(container, {
      served,
      rejected: plan.rejected.filter(({ id }) => id === container.id),
      problems: plan.problems,
      discovery: settings.discovery,
      prefix: settings.label_prefix,
    }),
    ...files,
    ...upstreams,
    healthStep(container),
    ...firewallSteps(findings.filter((each) => each.container === container.name)),
  ];
}

async function ofHost(host: string, known: Known): Promise<readonly Step[]> {
  const { plan, containers } = known;
  const routes = routesOf(host, plan);
  const rejected = plan.rejected.filter((each) => each.host === host);
  const ids = new Set([
    ...routes.flatMap(({ servers }) => servers.map(({ id }) => id)),
    ...rejected.map(({ id }) => id),
  ]);
  const steps: Step[] = routes
    .filter(({ servers }) => servers.length === 0)
    .map(({ path }) => ({
      about: 'decision',
      text: `${host}${path} waits for a container that is ready`,
    }));
  for (const container of containers.filter(({ id }) => ids.has(id))) {
    steps.push({ about: 'decision', text: `container ${shownName(container.name)}:` });
    steps.push(...(await ofContainer(container, known)));
  }
  return steps;
}

const schemeOf = (site: Site | undefined, { certificateOf }: Known): Scheme =>
  site && hasTls(site, certificateOf) ? 'https' : 'http';

const routesOf = (host: string, { sites }: RoutePlan): readonly Route[] =>
  sites.find((site) => site.host === host)?.routes ?? [];

/** Where in the live generation the site is. */
async function fileStep(host: string, { live, settings }: Known): Promise<Step> {
  const site = live?.manifest.sites.find((each) => each.host === host);
  if (site === undefined) {
    return { about: 'file', text: `${host} is in no live file yet: run "portcullis generate"` };
  }
  const path = join(settings.nginx.dir, site.file);
  const text = await readFile(path, 'utf8').catch(() => '');
  const line = text.split('\n').findIndex((each) => /^\s*server_name\s/.test(each)) + 1;
  return { about: 'file', text: `${path}:${line}` };
}

/** One live request, and the cause of what came of it. */
async function requestTo(host: string, known: Known): Promise<readonly Step[]> {
  const { settings, plan, live } = known;
  const name = host.startsWith('*.') ? `explain${host.slice(1)}` : host;
  const { listen_http, listen_https, proxy_protocol } = settings.nginx;
  const scheme = schemeOf(
    plan.sites.find((site) => site.host === host),
    known,
  );
  const port = scheme === 'https' ? listen_https : listen_http;
  const routes = routesOf(host, plan);
  const addresses = routes.flatMap(({ servers }) => servers.map(({ address }) => address));
  const [answer, ...met] = await Promise.all([
    askNginx(name, { scheme, port, proxyProtocol: proxy_protocol }),
    ...addresses.map(async (address) => ({ address, met: await tryConnect(address) })),
  ]);
  const refused = live?.manifest.quarantined.find((each) => each.host === host);
  return [
    ...(refused
      ? [
          {
            about: 'decision' as const,
            text: `quarantined: this site cannot be served${refused.absent ? '' : ', and answers 503'} until it changes. ${refused.reason}`,
          },
        ]
      : []),
    requestStep(name, answer, {
      scheme,
      address: `127.0.0.1:${port}`,
      deadUpstream: met.find((each) => each.met !== 'connected')?.address,
      waiting: routes.some(({ servers }) => servers.length === 0),
      allow: routes.flatMap(({ access }) => access.allow),
      authRequest: routes.find(({ path }) => path === '/')?.access.authRequest,
      isLive: live?.manifest.sites.some((site) => site.host === host) === true,
    }),
  ];
}

async function aboutPort(
  port: number,
  holders: readonly Container[],
  known: Known,
): Promise<Explanation> {
  const own = known.findings.filter((finding) => hostPortOf(finding) === port);
  const names = new Set([
    ...holders.map(({ name }) => name),
    ...own.map(({ container }) => container),
  ]);
  const steps: Step[] =
    names.size === 0
      ? [{ about: 'decision', text: `no container has the port ${port} of this host` }]
      : [];
  for (const container of known.containers.filter(({ name }) => names.has(name))) {
    steps.push({ about: 'decision', text: `container ${shownName(container.name)}:` });
    const about = await ofContainer(container, known);
    steps.push(...about.filter((step) => step.about !== 'firewall'));
  }
  const protocol: IpProtocol = own.find((each) => each.protocol === 'udp') ? 'udp' : 'tcp';
  steps.push(...(own.length > 0 ? firewallSteps(own) : []));
  steps.push(
    ...(await trace(
      port,
      own.some((each) => each.protocol === 'tcp') ? 'tcp' : protocol,
      known.run,
    )),
  );
  return { subject: `port ${port}`, steps };
}

/** One packet of a stranger, followed through the rules. */
async function trace(port: number, protocol: IpProtocol, run: Run): Promise<readonly Step[]> {
  if (protocol === 'sctp') return [];
  try {
    const stranger = await inviteStranger(run);
    try {
      const told = await tracing(run, { link: stranger.link, protocol, port }, () =>
        stranger.dial([{ protocol, address: stranger.host.v4, port }], () => {}),
      );
      const all = traceSteps(told, TRACE_TABLE);
      // The first packet tells; those after it are its repetitions.
      return traceTexts(
        port,
        all.filter(({ id }) => id === all[0]?.id),
      );
    } finally {
      await stranger.leave();
    }
  } catch (error) {
    if (!(error instanceof PortcullisError)) throw error;
    return [{ about: 'trace', text: `no packet could be traced: ${error.message}` }];
  }
}
