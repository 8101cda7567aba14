/** Three nodes of a real Swarm with a Portcullis each: two managers, and a worker that asks them for the services. */
import { join } from 'node:path';
import type { RunResult } from '../../src/adapters/run.ts';
import type { Engine } from './engine.ts';
import { put } from './files.ts';
import { HOST_V4, openLab, type Lab, type Watching } from './lab.ts';
import { addNodes, SECOND_V4, THIRD_V4, type Node } from './nodes.ts';
import { waitUntil } from './wait-until.ts';

export type Machine = {
  readonly lab: Lab;
  readonly engine: Engine;
  readonly address: string;
  portcullis(...args: readonly string[]): Promise<RunResult>;
  /** Starts its `watch`. */
  watch(): Watching;
  /** The `watch` that runs. */
  watching(): Watching;
  unwatch(): Promise<void>;
  /** What `status --json` says of the Swarm; undefined where no watch answers. */
  swarm(): Promise<SwarmStatus | undefined>;
  /** Ports that its firewall holds, sorted as it has them. */
  held(): Promise<readonly string[]>;
};

export type SwarmStatus = {
  readonly role: string;
  readonly from: string;
  readonly services?: number;
  readonly error?: string;
};

export type SwarmStage = {
  readonly lab: Lab;
  readonly second: Node;
  /** `one` and `two` are managers. */
  readonly one: Machine;
  readonly two: Machine;
  readonly worker: Machine;
  /** Has `one` create a service. */
  service(name: string, publish: string, more: readonly string[]): Promise<string>;
  close(): Promise<void>;
};

/** @param resync `watch.resync` */
export async function openSwarm(resync = '3s'): Promise<SwarmStage> {
  const lab = await openLab();
  try {
    const { second, third } = await addNodes(lab);
    const [one, two, worker] = await Promise.all([
      machine(lab, HOST_V4, resync),
      machine(third, THIRD_V4, resync),
      machine(second, SECOND_V4, resync),
    ]);
    await one.engine.docker('swarm', 'init', '--advertise-addr', HOST_V4);
    const self = await nodeId(one);
    await one.engine.docker('node', 'update', '--label-add', `address=${HOST_V4}`, self);
    for (const [each, role] of [
      [two, 'manager'],
      [worker, 'worker'],
    ] as const) {
      const token = await one.engine.docker('swarm', 'join-token', '-q', role);
      await each.engine.docker('swarm', 'join', '--token', token, `${HOST_V4}:2377`);
    }
    return {
      ...{ lab, second, one, two, worker },
      service: (name, publish, more) =>
        one.engine.docker(
          ...['service', 'create', '--detach', '--no-resolve-image', '--name', name, ...more],
          ...['--publish', publish, 'lab/web:1', '/bin/httpd', '-f', '-p', '80', '-h', '/www'],
        ),
      async close() {
        await Promise.all([one, two, worker].map((each) => each.unwatch()));
        await lab.close();
      },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

export const nodeId = ({ engine }: Machine): Promise<string> =>
  engine.docker('info', '--format', '{{.Swarm.NodeID}}');

/** For `service`: its tasks run on that machine alone. */
export const onlyOn = (address: string): readonly string[] => [
  '--constraint',
  `node.labels.address==${address}`,
];

async function machine(lab: Lab, address: string, resync: string): Promise<Machine> {
  const engine = await lab.startEngine();
  const folder = join(lab.folder, 'nginx');
  const settings = await put(
    join(lab.folder, 'portcullis.yaml'),
    `nginx: { dir: ${folder}/portcullis, config: ${folder}/conf/nginx.conf }
firewall: { state_dir: ${join(lab.folder, 'state')} }
swarm: { port: 2378 }
watch: { linger: 500ms, resync: ${resync} }
`,
  );
  const options = ['--config', settings, '--docker', engine.url];
  let watching: Watching | undefined;
  const at: Machine = {
    ...{ lab, engine, address },
    portcullis: (...args) => lab.portcullis([...options, ...args]),
    watch: () => (watching = lab.startPortcullis([...options, '--log-level', 'debug', 'watch'])),
    watching() {
      if (!watching) throw new Error(`no watch runs on ${address}`);
      return watching;
    },
    async unwatch() {
      await watching?.stop();
      watching = undefined;
    },
    async swarm() {
      const { stdout } = await at.portcullis('status', '--json');
      return stdout === '' ? undefined : JSON.parse(stdout).swarm;
    },
    async held() {
      const { stdout } = await at.portcullis('firewall', 'show', '--json');
      const { ruleset }: { ruleset: { held: readonly { port: number }[] } } = JSON.parse(stdout);
      return ruleset.held.map(({ port }) => String(port));
    },
  };
  return at;
}

export const lost = (at: Machine): Promise<true> =>
  waitUntil(
    `${at.address} says that it has lost the Swarm`,
    async () => {
      const status = await at.swarm();
      return status?.from === 'kept' && status.error !== undefined;
    },
    40_000,
  );
