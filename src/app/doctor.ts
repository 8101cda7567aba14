/** Looks at everything that a working set-up takes, all at once; src/core/doctor judges it. */
import { access, constants, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readCertificates } from '../adapters/certificates.ts';
import { chooseBackend } from '../adapters/choose-backend.ts';
import { openDocker, type DockerSource } from '../adapters/docker.ts';
import { namesOfFiles } from '../adapters/file-names.ts';
import { isLocked } from '../adapters/lock.ts';
import { openNginxHost } from '../adapters/nginx-host.ts';
import { otherFirewalls } from '../adapters/other-firewalls.ts';
import { holdersOf } from '../adapters/port-holders.ts';
import { run } from '../adapters/run.ts';
import { loadTemplates } from '../adapters/templates.ts';
import { resolveWildcard } from '../adapters/wildcard-dns.ts';
import { certificateChecks, type CertificateFile } from '../core/doctor/certificate-checks.ts';
import type { Check, Fact } from '../core/doctor/check.ts';
import { dockerChecks, type DockerFacts } from '../core/doctor/docker-checks.ts';
import {
  firewallChecks,
  type BootState,
  type FirewallFacts,
} from '../core/doctor/firewall-checks.ts';
import { inputChecks, type InputFacts } from '../core/doctor/input-checks.ts';
import { hostChecks, type HostFacts, type Resolved } from '../core/doctor/host-checks.ts';
import {
  nginxChecks,
  type NginxCheckFacts,
  type NginxFolder,
} from '../core/doctor/nginx-checks.ts';
import { toldOnce } from '../core/doctor/report.ts';
import { BOOT_UNIT } from '../core/firewall/boot.ts';
import type { Settings } from '../core/settings-schema.ts';
import type { LoadedSettings } from '../settings.ts';
import { fact, valueOf } from './fact.ts';
import { openBackend, policyNow } from './firewall.ts';
import { firewallSnapshot } from './firewall-snapshot.ts';
import { bootSteps } from './init-boot.ts';
import { watchUnitState } from './init-watch.ts';
import { planFor } from './plan-only.ts';
import { routedNow } from './swarm-once.ts';

const CALL_MS = 4_000;
const NGINX_MS = 8_000;
const DNS_MS = 3_000;

export async function doctor(
  { settings, file }: Pick<LoadedSettings, 'settings' | 'file'>,
  docker: string | undefined,
): Promise<readonly Check[]> {
  const source = await openDocker({
    url: docker,
    env: process.env,
    limitMs: CALL_MS,
    compat: settings.compat,
  });
  const [dockerFacts, nginx, firewall, host, inputs, certificates] = await Promise.all([
    lookAtDocker(source),
    lookAtNginx(settings, docker),
    lookAtFirewall(settings, source),
    lookAtHost(settings, { file, source, docker }),
    lookAtInputs(settings, { source, docker }),
    fact(CALL_MS, () => certificatesIn(settings.tls.cert_dir)),
  ]);
  return toldOnce([
    ...dockerChecks(dockerFacts),
    ...nginxChecks(nginx, settings.nginx),
    ...firewallChecks(firewall, settings.firewall),
    ...inputChecks(inputs, settings),
    ...certificateChecks(certificates, { dir: settings.tls.cert_dir, nowMs: Date.now() }),
    ...hostChecks(host, settings),
  ]);
}

async function certificatesIn(dir: string): Promise<readonly CertificateFile[] | undefined> {
  const there = await stat(dir).catch(() => undefined);
  if (!there) return undefined;
  return readCertificates(dir).map(({ certificateFile, notAfter, broken, hosts }) => ({
    file: certificateFile,
    endsAt: hosts.length === 0 && notAfter === 0 ? undefined : notAfter,
    ...(broken !== undefined && { broken }),
  }));
}

async function lookAtDocker(source: DockerSource): Promise<DockerFacts> {
  const asked = Date.now();
  const [engine, info, events] = await Promise.all([
    fact(CALL_MS, (signal) => source.version(signal)),
    fact(CALL_MS, async (signal) => {
      const answer = await source.info(signal);
      return { answer, middle: (asked + Date.now()) / 2 };
    }),
    fact(CALL_MS, (signal) => eventsAreReadable(source, signal)),
  ]);
  const told = info.known ? info.value.answer.timeMs : undefined;
  const clockMs = told !== undefined && info.known ? told - info.value.middle : undefined;
  return {
    ...{ url: source.url, engine, events, clockMs },
    info: info.known ? { known: true, value: info.value.answer } : info,
  };
}

async function eventsAreReadable(source: DockerSource, signal: AbortSignal): Promise<true> {
  const enough = new AbortController();
  signal.addEventListener('abort', () => enough.abort(), { once: true });
  const stream = source.events({ signal: enough.signal });
  const reading = (async () => {
    for await (const event of stream) void event;
  })();
  reading.catch(() => {}); // `ready` tells the same
  try {
    await stream.ready;
  } finally {
    enough.abort();
  }
  return true;
}

async function lookAtNginx(
  settings: Settings,
  docker: string | undefined,
): Promise<NginxCheckFacts> {
  const opening = fact(CALL_MS, () => openNginxHost(settings, { docker }));
  const [version, included, test, running, folder, workers] = await Promise.all([
    fact(CALL_MS, async () => (await valueOf(opening)).version()),
    fact(CALL_MS, async () => (await (await valueOf(opening)).facts()).included),
    fact(NGINX_MS, async () => (await valueOf(opening)).testLive()),
    fact(CALL_MS, async (): Promise<true> => {
      await (await valueOf(opening)).requireRunning();
      return true;
    }),
    fact(CALL_MS, () => lookAtFolder(settings.nginx.dir)),
    fact(CALL_MS, async () => {
      const nginx = await valueOf(opening);
      const [counts, { shutdownTimeout }] = await Promise.all([nginx.workers(), nginx.facts()]);
      return { ...counts, timeout: shutdownTimeout };
    }),
  ]);
  return { version, included, test, running, folder, workers };
}

async function lookAtFolder(dir: string): Promise<NginxFolder> {
  const at = await stat(dir).catch(() => undefined);
  const writable = await access(at ? dir : await nearestFolder(dirname(dir)), constants.W_OK).then(
    () => true,
    () => false,
  );
  const parts = await Promise.all(
    ['sites', 'generations', 'test'].map((name) => stat(join(dir, name)).catch(() => at)),
  );
  return {
    exists: at !== undefined,
    writable,
    oneFileSystem: parts.every((part) => part?.dev === at?.dev),
  };
}

async function nearestFolder(dir: string): Promise<string> {
  const there = await stat(dir).then(
    () => true,
    () => false,
  );
  return there || dir === '/' ? dir : nearestFolder(dirname(dir));
}

async function lookAtFirewall(settings: Settings, source: DockerSource): Promise<FirewallFacts> {
  const backend = fact(NGINX_MS, () => chooseBackend(run, settings.firewall.backend));
  const drift = fact(NGINX_MS, async (signal) => {
    const [snapshot, usable] = await Promise.all([
      firewallSnapshot(source, settings, signal),
      openBackend(settings, { source, run, signal }),
    ]);
    return usable.drift((await policyNow(settings, snapshot)).ruleset);
  });
  const chosen = await backend;
  return {
    backend: chosen.known ? { known: true, value: chosen.value.kind } : chosen,
    drift: await drift,
    boot: await fact(NGINX_MS, () => bootState(settings)),
  };
}

async function bootState(settings: Settings): Promise<BootState> {
  const systemd = await stat('/run/systemd/system').catch(() => undefined);
  if (!systemd) return 'no systemd';
  if ((await bootSteps(settings)).length > 0) return 'missing';
  const { code } = await run('systemctl', ['is-enabled', BOOT_UNIT], { timeoutMs: CALL_MS });
  return code === 0 ? 'installed' : 'not enabled';
}

async function lookAtInputs(
  settings: Settings,
  { source, docker }: { source: DockerSource; docker: string | undefined },
): Promise<InputFacts> {
  const { template_dir, snippet_dir } = settings;
  const containers = fact(CALL_MS, (signal) => routedNow(settings, { source, signal }));
  return {
    containers: await containers,
    hosts: await fact(CALL_MS, async () => {
      const plan = await planFor(await valueOf(containers), settings, { docker });
      return [...plan.sites, ...plan.rejected].map(({ host }) => host);
    }),
    templates: await fact(CALL_MS, async () => {
      await loadTemplates(template_dir);
      return [...(await namesOfFiles(template_dir))].toSorted();
    }),
    snippets: [...(await namesOfFiles(snippet_dir))].toSorted(),
  };
}

async function lookAtHost(
  settings: Settings,
  {
    file,
    source,
    docker,
  }: { file: string | undefined; source: DockerSource; docker: string | undefined },
): Promise<HostFacts> {
  const { listen_http, listen_https, dir } = settings.nginx;
  const [holders, containers, resolved, firewalls, watching, watchUnit] = await Promise.all([
    fact(CALL_MS, () => holdersOf([listen_http, listen_https])),
    fact(CALL_MS, (signal) => source.containers(signal)),
    fact(DNS_MS, (signal) => resolveWildcard(settings.domain, signal)),
    fact(CALL_MS, () => otherFirewalls(run)),
    fact(CALL_MS, () => isLocked(dir)),
    fact(NGINX_MS, () => watchUnitState(settings, { file, docker })),
  ]);
  const wildcard: Fact<Resolved> = resolved.known
    ? resolved
    : { ...resolved, why: `no resolver answers (${resolved.why})` };
  return { settingsFile: file, holders, containers, wildcard, firewalls, watching, watchUnit };
}
