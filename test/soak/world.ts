/** What the soak plays with: a lab with a real `watch`, and what it knows of it. */
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { openLab, HOST_V4, type Lab, type Watching } from '../lab/lab.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { LabNginx } from '../lab/nginx.ts';
import type { Random } from '../support/random.ts';
import type { Inspected } from './model.ts';

export const NETWORK = 'soak-net';
/** Below resync, so that a lost event is not made good before the oracle looks. */
export const LINGER_MS = 1_000;

export type World = {
  readonly lab: Lab;
  readonly engine: Engine;
  readonly nginx: LabNginx;
  readonly watch: Watching;
  readonly agent: Agent;
  readonly random: Random;
  readonly portcullis: (...args: readonly string[]) => ReturnType<Lab['portcullis']>;
  /** Every container there is, as the engine tells it. */
  containers(): Promise<readonly Inspected[]>;
  /** A number never given before. */
  serial(): number;
  /** False: a flush took Docker's own rules too, and no port is sure to be open. */
  dockerRules: boolean;
};

export async function openWorld(random: Random): Promise<World> {
  const lab = await openLab();
  try {
    const liveRestore = random.chance(0.5);
    const engine = await lab.startEngine({ args: liveRestore ? ['--live-restore'] : [] });
    const nginx = await lab.startNginx();
    await engine.docker('network', 'create', '--subnet', '172.30.0.0/24', NETWORK);
    // A stranger in the next segment, who knows the way to the containers.
    await lab.outside.ok(['ip', 'route', 'add', '172.16.0.0/12', 'via', HOST_V4]);
    const settings = await put(
      `${lab.folder}/portcullis.yaml`,
      `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
watch: { linger: ${LINGER_MS}ms, resync: 60s }
`,
    );
    const options = ['--config', settings, '--docker', engine.url];
    const portcullis: World['portcullis'] = (...args) => lab.portcullis([...options, ...args]);
    await portcullis('init', '--yes');
    const watch = lab.startPortcullis([...options, 'watch']);
    await watch.saw(/firewall-enforced/);
    let last = 0;
    return {
      ...{ lab, engine, nginx, watch, random, portcullis },
      agent: startAgent(lab.outside.name, lab.cleanup),
      serial: () => (last += 1),
      dockerRules: true,
      async containers() {
        const ids = (await engine.docker('ps', '-aq')).split('\n').filter((id) => id !== '');
        if (ids.length === 0) return [];
        // One that ends meanwhile makes it fail, and still the others are printed.
        const { stdout } = await engine.tryDocker('inspect', ...ids);
        const all: readonly Inspected[] = JSON.parse(stdout);
        return all;
      },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}
