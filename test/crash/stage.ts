/** A host on which Portcullis is killed, with a real Nginx and real netfilter. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunResult } from '../../src/adapters/run.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, HOST_V6, openLab, type Lab, type Watching } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { playDocker, type PlayedDocker } from '../lab/played-docker.ts';
import { assertTidy, wholeGeneration } from './tree.ts';

/** The port whose site is there all the time. */
const STEADY = 10_000;
const hostOf = (port: number): string => `service-${port}.example.com`;

export type Faults = { readonly at: number; readonly on?: 'SIGUSR2' };

export type CrashStage = {
  readonly lab: Lab;
  readonly nginx: LabNginx;
  /** Writes the settings anew. `firewall` continues that flow mapping. */
  settings(options?: { readonly config?: string; readonly firewall?: string }): Promise<void>;
  portcullis(args: readonly string[], faults?: Faults): Promise<RunResult>;
  startWatch(faults?: Faults, env?: Readonly<Record<string, string>>): Watching;
  /** Names of the points that the last run with faults reached. */
  reached(): readonly string[];
  /** Id of the generation that Nginx serves now. */
  served(): Promise<string | undefined>;
  /**
   * Throws unless what is live is whole and taken by Nginx, Nginx serves, and the firewall is closed.
   * Gives the ids of what is live and of what is served.
   */
  seen(): Promise<readonly string[]>;
  /** As `seen`; and what is live is served, the firewall complete, and nothing left over. Gives its id. */
  assertRecovered(): Promise<string>;
};

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'fault-points.js')).href;

export type PlayedStage = CrashStage & { readonly docker: PlayedDocker };

/** With an engine that is played: a container comes and goes in no time. */
export async function openCrashStage(): Promise<PlayedStage> {
  const lab = await openLab();
  const docker = await playDocker(join(lab.folder, 'played.sock'), 1, {
    hostAddress: '0.0.0.0',
    bridged: true,
  });
  lab.cleanup.add('the played engine', () => docker.close());
  const page = `process ${STEADY}\n`;
  const says = `HTTP/1.1 200 OK\r\ncontent-length: ${page.length}\r\n\r\n${page}`;
  // As Docker's userland proxy would: on every address of the host.
  await startAgent(lab.host.name, lab.cleanup).listen('tcp', '::', STEADY, says);
  return Object.assign(await openStage(lab, { url: docker.url, page }), { docker });
}

export type RealStage = CrashStage & { readonly engine: Engine };

/** With a real engine. */
export async function openRealStage(): Promise<RealStage> {
  const lab = await openLab();
  const engine = await lab.startEngine();
  await engine.run({
    name: 'steady',
    ports: [`${STEADY}:80`],
    labels: { 'portcullis.enable': 'true' },
  });
  return Object.assign(await openStage(lab, { url: engine.url, page: 'lab\n' }), { engine });
}

async function openStage(
  lab: Lab,
  { url, page }: { readonly url: string; readonly page: string },
): Promise<CrashStage> {
  const nginx = await lab.startNginx();
  const outside = startAgent(lab.outside.name, lab.cleanup);
  const settings = join(lab.folder, 'portcullis.yaml');
  const faultLog = join(lab.folder, 'faults.log');
  const options = ['--config', settings, '--docker', url];
  const env = (faults: Faults): Record<string, string> => {
    rmSync(faultLog, { force: true });
    return {
      NODE_OPTIONS: `--import=${PRELOAD}`,
      FAULT_AT: String(faults.at),
      FAULT_LOG: faultLog,
      FAULT_HIDE: lab.folder,
      ...(faults.on && { FAULT_ON: faults.on }),
    };
  };
  const stage: CrashStage = {
    lab,
    nginx,
    async settings({ config = nginx.config, firewall = '' } = {}) {
      await put(
        settings,
        `nginx: { dir: ${nginx.dir}, config: ${config} }
firewall: { state_dir: ${lab.folder}/state${firewall} }
tls: { acme_dir: "" }
watch: { linger: 0s, resync: 1s }
status: { listen: "" }
`,
      );
    },
    portcullis: (args, faults) =>
      lab.portcullis([...options, ...args], faults ? { env: env(faults) } : {}),
    startWatch: (faults, more = {}) =>
      lab.startPortcullis([...options, '--log-level', 'debug', 'watch'], {
        ...(faults && env(faults)),
        ...more,
      }),
    reached: () =>
      readFileSync(faultLog, 'utf8')
        .split('\n')
        .flatMap((line) => /^[1-9]\d* (.*)$/.exec(line)?.[1] ?? []),
    async served() {
      const answer = await get(lab.host, 'http://127.0.0.1/', {
        host: 'generation.portcullis.invalid',
      });
      return answer.status === 200 ? answer.body : undefined;
    },
    async seen() {
      const live = wholeGeneration(nginx.dir);
      assert.ok(live !== undefined, 'a generation is live');
      await assertNginxTakes(stage);
      const [{ body }, served] = await Promise.all([
        get(lab.outside, `http://${HOST_V4}/`, { host: hostOf(STEADY) }),
        stage.served(),
        assertClosed(outside),
      ]);
      assert.equal(body, page);
      return [live, served ?? 'none'];
    },
    async assertRecovered() {
      const [[live, served], check] = await Promise.all([
        stage.seen(),
        stage.portcullis(['firewall', 'check']),
      ]);
      assert.equal(served, live, 'what is live is served');
      assert.equal(check.code, 0, `${check.stdout}${check.stderr}`);
      assertTidy(nginx.dir);
      return live ?? '';
    },
  };
  await stage.settings();
  return stage;
}

async function assertClosed(outside: Agent): Promise<void> {
  const dials = [HOST_V4, HOST_V6].map((host) =>
    outside.ask({ op: 'dial', protocol: 'tcp', host, port: STEADY, waitMs: 100 }),
  );
  assert.deepEqual(await Promise.all(dials), ['', ''], 'a guarded port is silent');
}

export async function assertNginxTakes(
  { lab, nginx }: Pick<CrashStage, 'lab' | 'nginx'>,
  config = nginx.config,
): Promise<void> {
  const { code, stderr } = await lab.host.run([
    ...['nginx', '-t', '-q', '-c', config, '-p', nginx.folder, '-e', '/dev/null'],
  ]);
  assert.equal(code, 0, `nginx -t: ${stderr}`);
}
