/** A `watch` with a replicated service and clients outside that count what they lose, in phases. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from './engine.ts';
import { put } from './files.ts';
import { get } from './http.ts';
import { HOST_V4, openLab, type Lab } from './lab.ts';
import type { Client, Tallies } from './load.ts';
import type { LabNginx } from './nginx.ts';
import { replicaArgs } from './replica-args.ts';
import { startLoad } from './start-load.ts';
import { waitUntil } from './wait-until.ts';

const settingsText = (nginx: LabNginx, watch: string): string =>
  `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }\nwatch: { ${watch} }\n`;
const HOST = 'replicated.example';
const FIXED = 'fixed.example';
const REPLICAS = 3;
const LABELS = { 'portcullis.host': HOST, 'portcullis.group': 'replicated' };
const BUSY: readonly Client[] = ['close', 'retry', 'plain'];

export type Phase = {
  readonly tallies: Tallies;
  readonly reloads: number;
  readonly ms: number;
};

export type DroppedStage = {
  readonly engine: Engine;
  readonly nginx: LabNginx;
  /** Has the replicas listen for that long after SIGTERM. */
  listenOnFor(graceMs: number): Promise<void>;
  /** That many reloads by `watch`, because another service comes and goes. */
  reloads(count: number): Promise<Phase>;
  /** That many `nginx -s reload` of the same files. */
  bareReloads(count: number): Promise<Phase>;
  /**
   * Replaces that many replicas: each is stopped and removed, then a new one is started and waited for.
   * `graceMs`: how long the new ones will listen after SIGTERM.
   */
  recreate(count: number, graceMs: number, clients?: readonly Client[]): Promise<Phase>;
  /** `docker restart` of one of two other replicas, on ports of their own choice, as the settings are by default. */
  restartUndrained(): Promise<Phase>;
  /** `docker restart` of one replica. */
  restart(clients?: readonly Client[]): Promise<Phase>;
  close(): Promise<void>;
};

/** `graceMs`: how long its replicas listen after SIGTERM. */
export async function openDroppedStage(graceMs: number): Promise<DroppedStage> {
  const lab = await openLab();
  try {
    return await makeStage(lab, graceMs);
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function makeStage(lab: Lab, firstGraceMs: number): Promise<DroppedStage> {
  const engine = await lab.startEngine();
  const nginx = await lab.startNginx();
  const settings = await put(
    `${lab.folder}/portcullis.yaml`,
    settingsText(nginx, 'linger: 100ms, drain: true'),
  );
  const options = ['--config', settings, '--docker', engine.url];
  await lab.portcullis([...options, 'init', '--yes']);
  const watch = lab.startPortcullis([...options, 'watch']);
  await watch.saw(/firewall-enforced/);
  const service = replicas(engine);
  await service.listenOnFor(firstGraceMs);
  await engine.docker('run', '-d', '--name', 'other', ...OTHER, 'lab/web:1', '/bin/sleep', '1000');

  const allServed = (): Promise<true> =>
    waitUntil('every replica is served', async () => {
      const asked = Array.from({ length: 2 * REPLICAS }, () => {
        return get(lab.outside, `http://${HOST_V4}/`, { host: HOST });
      });
      return new Set((await Promise.all(asked)).map(({ body }) => body)).size === REPLICAS;
    });
  const phase = async (act: () => Promise<void>, clients = BUSY, host = HOST): Promise<Phase> => {
    await allServed();
    const load = startLoad(lab, { address: HOST_V4, host, clients });
    try {
      await delay(500);
      await load.tallies();
      const [before, startedAt] = [await nginx.reloads(), performance.now()];
      await act();
      await delay(300); // what was under way is counted too
      const ms = performance.now() - startedAt;
      return { tallies: await load.tallies(), reloads: (await nginx.reloads()) - before, ms };
    } finally {
      load.stop();
    }
  };
  const reloadedBy = async (act: () => Promise<unknown>): Promise<void> => {
    const before = await nginx.reloads();
    await act();
    await waitUntil('a reload', async () => (await nginx.reloads()) > before);
  };
  return {
    engine,
    nginx,
    listenOnFor: (graceMs) => service.listenOnFor(graceMs),
    reloads: (count) =>
      phase(async () => {
        for (let done = 0; done < count; done += 1) {
          await reloadedBy(() => engine.docker(...(done % 2 === 0 ? LEAVE : COME_BACK)));
        }
      }),
    bareReloads: (count) =>
      phase(async () => {
        for (let done = 0; done < count; done += 1) {
          await reloadedBy(() => lab.host.ok(['nginx', '-s', 'reload', '-c', nginx.config]));
          await delay(250); // as often as `watch` may
        }
      }),
    recreate: (count, graceMs, clients) =>
      phase(async () => {
        for (let done = 0; done < count; done += 1) await service.replace(done % REPLICAS, graceMs);
      }, clients),
    restart: (clients) =>
      phase(async () => {
        await service.restart(0);
        await allServed();
      }, clients),
    async restartUndrained() {
      await put(settings, settingsText(nginx, 'linger: 10s'));
      await watch.saw(/settings-applied/);
      for (const port of [1801, 1802]) {
        await engine.run({
          name: `fixed-${port}`,
          ports: [`127.0.0.1:${port}:80`],
          labels: { 'portcullis.host': FIXED, 'portcullis.group': 'fixed' },
        });
      }
      await waitUntil('both are served', async () => {
        const asked = [1, 2, 3, 4].map(() =>
          get(lab.outside, `http://${HOST_V4}/cgi-bin/echo`, { host: FIXED }),
        );
        return (
          new Set((await Promise.all(asked)).map(({ body }) => /HOSTNAME=(.*)/.exec(body)?.[1]))
            .size === 2
        );
      });
      const done = await phase(
        async () => {
          await engine.docker('restart', '-t', '1', 'fixed-1801');
        },
        ['close', 'retry'],
        FIXED,
      );
      await engine.docker('rm', '-f', 'fixed-1801', 'fixed-1802');
      return done;
    },
    close: () => lab.close(),
  };
}

const OTHER = ['-p', '127.0.0.1:1999:80', '--label', 'portcullis.enable=true'];
const LEAVE = ['pause', 'other'];
const COME_BACK = ['unpause', 'other'];

const INDEXES = Array.from({ length: REPLICAS }, (_, index) => index);
const nameOf = (index: number): string => `replica-${index}`;

function replicas(engine: Engine) {
  const healthy = async (index: number): Promise<void> => {
    const health = ['inspect', '-f', '{{.State.Health.Status}}', nameOf(index)];
    await waitUntil(`${nameOf(index)} is healthy`, async () => {
      return (await engine.docker(...health)) === 'healthy';
    });
  };
  const start = async (index: number, graceMs: number): Promise<void> => {
    await engine.run({
      name: nameOf(index),
      ports: ['127.0.0.1::80'],
      labels: LABELS,
      ...replicaArgs(graceMs),
    });
    await healthy(index);
  };
  return {
    async listenOnFor(graceMs: number) {
      await engine.tryDocker('rm', '-f', ...INDEXES.map(nameOf));
      await Promise.all(INDEXES.map((index) => start(index, graceMs)));
    },
    async replace(index: number, graceMs: number) {
      await engine.docker('stop', nameOf(index));
      await engine.docker('rm', nameOf(index));
      await start(index, graceMs);
    },
    async restart(index: number) {
      await engine.docker('restart', nameOf(index));
      await healthy(index);
    },
  };
}
