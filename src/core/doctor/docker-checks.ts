import type { EngineInfo, EngineVersion } from '../docker/engine.ts';
import { notChecked, ok, problem, warning, type Check, type Fact } from './check.ts';

export type DockerFacts = {
  readonly url: string;
  readonly engine: Fact<EngineVersion>;
  readonly info: Fact<EngineInfo>;
  readonly events: Fact<true>;
  /** How far Docker's clock is ahead of ours, in milliseconds; undefined: it tells no time. */
  readonly clockMs: number | undefined;
};

const CLOCK_LIMIT_MS = 2_000;

export function dockerChecks(facts: DockerFacts): readonly Check[] {
  return [reachable(facts), eventsReadable(facts), kindOfHost(facts), clock(facts)];
}

function reachable({ url, engine }: DockerFacts): Check {
  if (engine.known) {
    const { version, api } = engine.value;
    return ok('docker', `version ${version}, API ${api}, at ${url}`);
  }
  return problem('docker', engine.why, fixFor(url, engine.why));
}

function fixFor(url: string, why: string): string {
  if (/permission denied/i.test(why)) return 'sudo portcullis doctor';
  if (!url.startsWith('unix://')) return `docker -H ${url} version, and correct --docker`;
  return 'systemctl start docker, or say with --docker where it listens';
}

function eventsReadable({ engine, events, url }: DockerFacts): Check {
  const name = 'docker events';
  if (!engine.known) return notChecked(name, 'Docker does not answer');
  if (events.known) return ok(name, 'can be read');
  return problem(name, events.why, `let a proxy in front of ${url} pass GET /events`);
}

function kindOfHost({ info }: DockerFacts): Check {
  const name = 'docker host';
  if (!info.known) return notChecked(name, 'Docker does not tell about its host');
  const { operatingSystem, rootless } = info.value;
  const fix = 'set firewall.mode: off, or use Docker Engine on Linux';
  if (/docker desktop/i.test(operatingSystem)) {
    return warning(name, 'is Docker Desktop: its ports cannot be guarded', fix);
  }
  if (rootless) return warning(name, 'is rootless: its ports cannot be guarded', fix);
  return ok(name, operatingSystem === '' ? 'an engine of its own' : operatingSystem);
}

function clock({ info, clockMs }: DockerFacts): Check {
  if (!info.known || clockMs === undefined) return notChecked('clock', 'Docker tells no time');
  if (Math.abs(clockMs) <= CLOCK_LIMIT_MS) return ok('clock', 'the same as that of Docker');
  const seconds = Math.round(Math.abs(clockMs) / 1_000);
  const way = clockMs > 0 ? 'behind' : 'ahead of';
  return warning(
    'clock',
    `is ${seconds} s ${way} that of Docker: events may be missed after a reconnect`,
    'timedatectl set-ntp true',
  );
}
