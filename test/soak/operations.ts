/** What the soak does to the lab: a name, how often, and how. */
import type { Inspected } from './model.ts';
import { SHAPES } from './shapes.ts';
import { NETWORK, type World } from './world.ts';

export type Operation = {
  /** How often, against the others. */
  readonly weight: number;
  /** Undefined: there was nothing to do it to. Docker may refuse, which is counted. */
  readonly run: (world: World) => Promise<Done | undefined>;
};

export type Done = { readonly to: string; readonly refused?: boolean };

const SLOTS = 10;
const SLOT = 'soak.slot';

/** Does a docker command to a random container of a kind. */
const toOne =
  (kind: (container: Inspected) => boolean, ...command: readonly string[]): Operation['run'] =>
  async (world) => {
    const container = await one(world, kind);
    return container && docker(world, [...command, nameOf(container)]);
  };

const running = ({ State }: Inspected): boolean => State.Running && !State.Paused;
const paused = ({ State }: Inspected): boolean => State.Paused;
const stopped = ({ State }: Inspected): boolean => !State.Running;
const any = (): boolean => true;
const bridged = (container: Inspected): boolean =>
  running(container) && container.HostConfig.NetworkMode !== 'host';
const on = (network: string, container: Inspected): boolean =>
  bridged(container) && network in container.NetworkSettings.Networks;
const checked = (container: Inspected): boolean =>
  running(container) && container.State.Health !== undefined;

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  run: { weight: 12, run: runNew },
  recreate: { weight: 6, run: recreate },
  start: { weight: 8, run: toOne(stopped, 'start') },
  stop: { weight: 3, run: toOne(running, 'stop', '-t', '0') },
  'stop gently': { weight: 1, run: toOne(running, 'stop', '-t', '1') },
  kill: { weight: 3, run: toOne(running, 'kill') },
  hang_up: { weight: 1, run: toOne(running, 'kill', '-s', 'HUP') },
  remove: { weight: 4, run: toOne(any, 'rm', '-f') },
  restart: { weight: 4, run: toOne(running, 'restart', '-t', '0') },
  rename: { weight: 3, run: rename },
  pause: { weight: 4, run: toOne(running, 'pause') },
  unpause: { weight: 6, run: toOne(paused, 'unpause') },
  sicken: { weight: 2, run: inOne(checked, 'rm', '-f', '/healthy') },
  heal: { weight: 3, run: inOne(checked, 'touch', '/healthy') },
  connect: { weight: 3, run: connect },
  disconnect: { weight: 3, run: disconnect },
  'create network': { weight: 1, run: createNetwork },
  burst: { weight: 3, run: burst },
  'restart engine': { weight: 1, run: restartEngine('SIGTERM') },
  'kill engine': { weight: 0.5, run: restartEngine('SIGKILL') },
  'restart nginx': { weight: 1, run: restartNginx },
  'delete our table': { weight: 1.5, run: flush('nft', 'delete', 'table', 'inet', 'portcullis') },
  'nft flush ruleset': { weight: 0.7, run: flush('nft', 'flush', 'ruleset') },
  'iptables -F': { weight: 0.7, run: flush('iptables', '-F') },
};

async function one(
  world: World,
  kind: (container: Inspected) => boolean,
): Promise<Inspected | undefined> {
  const [first, ...rest] = (await world.containers()).filter(kind);
  return first && world.random.pick([first, ...rest]);
}

const nameOf = ({ Name }: Inspected): string => Name.slice(1);

async function docker({ engine }: World, args: readonly string[]): Promise<Done> {
  const { code } = await engine.tryDocker(...args);
  return { to: args.at(-1) ?? '', refused: code !== 0 };
}

async function runNew(world: World): Promise<Done | undefined> {
  const taken = new Set((await world.containers()).map((each) => each.Config.Labels[SLOT]));
  const free = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
    (slot) => !taken.has(`${slot}`),
  );
  const [first, ...rest] = free;
  return first === undefined ? undefined : start(world, world.random.pick([first, ...rest]));
}

async function start(world: World, slot: number, kind?: string): Promise<Done> {
  const [first = '', ...rest] = Object.keys(SHAPES);
  const shape = kind ?? world.random.pick([first, ...rest]);
  const { labels, args = [], ...more } = SHAPES[shape]?.(slot) ?? {};
  const name = `${slot}-${shape.replaceAll(' ', '-')}-${world.serial()}`;
  try {
    await world.engine.run({
      ...more,
      name,
      labels: { ...labels, [SLOT]: `${slot}` },
      args: [...args, '--stop-timeout', '1'],
    });
  } catch {
    return { to: name, refused: true };
  }
  return { to: name };
}

/** The same slot with other labels, or with the same. */
async function recreate(world: World): Promise<Done | undefined> {
  const container = await one(world, any);
  if (!container) return undefined;
  await world.engine.tryDocker('rm', '-f', nameOf(container));
  const [, kind] = /^\d+-(.*)-\d+$/.exec(container.Config.Hostname) ?? [];
  const same = world.random.chance(0.3) ? kind?.replaceAll('-', ' ') : undefined;
  return start(world, Number(container.Config.Labels[SLOT]), same);
}

async function rename(world: World): Promise<Done | undefined> {
  const container = await one(world, any);
  return container && docker(world, ['rename', nameOf(container), `renamed-${world.serial()}`]);
}

function inOne(
  kind: (container: Inspected) => boolean,
  ...command: readonly string[]
): Operation['run'] {
  return async (world) => {
    const container = await one(world, kind);
    if (!container) return undefined;
    const { refused } = await docker(world, ['exec', nameOf(container), ...command]);
    return { to: nameOf(container), refused: refused === true };
  };
}

async function connect(world: World): Promise<Done | undefined> {
  const network = world.random.chance(0.5) ? NETWORK : 'bridge';
  const container = await one(world, (each) => bridged(each) && !on(network, each));
  return container && docker(world, ['network', 'connect', network, nameOf(container)]);
}

async function disconnect(world: World): Promise<Done | undefined> {
  const network = world.random.chance(0.7) ? NETWORK : 'bridge';
  const container = await one(world, (each) => on(network, each));
  return container && docker(world, ['network', 'disconnect', network, nameOf(container)]);
}

/** One that nobody is on goes again. */
async function createNetwork(world: World): Promise<Done> {
  await world.engine.tryDocker('network', 'prune', '-f', '--filter', 'label=soak');
  const name = `soak-${world.serial()}`;
  return docker(world, ['network', 'create', '--label', 'soak', name]);
}

const IN_A_BURST = ['run', 'start', 'stop', 'kill', 'remove', 'restart', 'rename'] as const;

async function burst(world: World): Promise<Done> {
  const names = Array.from({ length: 3 + Math.floor(world.random.next() * 4) }, () =>
    world.random.pick(IN_A_BURST),
  );
  await Promise.all(names.map(async (name) => OPERATIONS[name]?.run(world)));
  return { to: names.join(', ') };
}

function restartEngine(signal: NodeJS.Signals): Operation['run'] {
  return async ({ engine }) => {
    await engine.stop(signal);
    await engine.start();
    return { to: signal };
  };
}

async function restartNginx({ nginx }: World): Promise<Done> {
  await nginx.stop();
  await nginx.start();
  return { to: 'nginx' };
}

function flush(...command: readonly string[]): Operation['run'] {
  return async (world) => {
    const { code } = await world.lab.host.run(command);
    if (!command.includes('table')) world.dockerRules = false;
    return { to: 'the host', refused: code !== 0 };
  };
}
