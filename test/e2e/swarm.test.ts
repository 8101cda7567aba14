/** Three nodes of a real Swarm, each with a Portcullis: two managers and a worker that has its services from them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, openLab, type Lab, type Watching } from '../lab/lab.ts';
import { addNodes, SECOND_V4, THIRD_V4, type Node } from '../lab/nodes.ts';
import { waitUntil } from '../lab/wait-until.ts';

type Machine = {
  readonly lab: Lab;
  readonly engine: Engine;
  readonly address: string;
  readonly settings: string;
};

let lab: Lab;
let second: Node;
let third: Node;
let outside: Agent;
/** `one` and `two` are managers. */
let one: Machine;
let two: Machine;
let worker: Machine;
let workerNginx = '';
const watches = new Map<Machine, Watching>();

before(async () => {
  lab = await openLab();
  ({ second, third } = await addNodes(lab));
  [one, two, worker] = await Promise.all([
    machine(lab, HOST_V4),
    machine(third, THIRD_V4),
    machine(second, SECOND_V4),
  ]);
  outside = startAgent(lab.outside.name, lab.cleanup);
  await one.engine.docker('swarm', 'init', '--advertise-addr', HOST_V4);
  const self = await one.engine.docker('info', '--format', '{{.Swarm.NodeID}}');
  await one.engine.docker('node', 'update', '--label-add', `address=${HOST_V4}`, self);
  for (const [each, role] of [
    [two, 'manager'],
    [worker, 'worker'],
  ] as const) {
    const token = await one.engine.docker('swarm', 'join-token', '-q', role);
    await each.engine.docker('swarm', 'join', '--token', token, `${HOST_V4}:2377`);
  }
  await Promise.all([
    service('meshed', 'mode=ingress,published=7001,target=80', [
      ...onlyOn(HOST_V4),
      ...label('enable=true'),
    ]),
    service('hosted', 'mode=host,published=7000,target=80', [
      '--mode',
      'global',
      ...label('enable=true'),
    ]),
    service('lonely', 'mode=host,published=7003,target=80', onlyOn(HOST_V4)),
    service('open', 'mode=ingress,published=7002,target=80', [
      ...onlyOn(HOST_V4),
      ...label('public=7002/tcp'),
    ]),
    stack(),
  ]);
  const nginx = await second.startNginx();
  workerNginx = nginx.dir;
  const init = await portcullis(worker, 'init', '--yes');
  assert.equal(init.code, 0, init.stderr);
  for (const each of [one, two, worker]) startWatch(each);
});
after(async () => {
  await Promise.all([...watches.values()].map((watch) => watch.stop()));
  await lab.close();
});

async function machine(at: Lab, address: string): Promise<Machine> {
  const engine = await at.startEngine();
  const folder = join(at.folder, 'nginx');
  const settings = await put(
    join(at.folder, 'portcullis.yaml'),
    `nginx: { dir: ${folder}/portcullis, config: ${folder}/conf/nginx.conf }
firewall: { state_dir: ${join(at.folder, 'state')} }
swarm: { port: 2378 }
watch: { linger: 500ms, resync: 3s }
`,
  );
  return { lab: at, engine, address, settings };
}

const label = (text: string): readonly string[] => ['--label', `portcullis.${text}`];
const onlyOn = (address: string): readonly string[] => [
  '--constraint',
  `node.labels.address==${address}`,
];

const service = (name: string, publish: string, more: readonly string[]): Promise<string> =>
  one.engine.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', name, ...more],
    ...['--publish', publish, 'lab/web:1', '/bin/httpd', '-f', '-p', '80', '-h', '/www'],
  );

/** Docker drops the 127.0.0.1 of a stack without a word that a script would see. */
async function stack(): Promise<void> {
  const file = await put(
    join(lab.folder, 'stack.yaml'),
    `version: "3.8"
services:
  web:
    image: lab/web:1
    command: ["/bin/httpd", "-f", "-p", "80", "-h", "/www"]
    ports: ["127.0.0.1:7005:80"]
    labels: { portcullis.host: stack.example.com }
    deploy: { labels: { portcullis.enable: "true", portcullis.host: other.example.com } }
`,
  );
  await one.engine.docker('stack', 'deploy', '--resolve-image', 'never', '-c', file, 'shop');
}

const portcullis = (at: Machine, ...args: readonly string[]): Promise<RunResult> =>
  at.lab.portcullis(['--config', at.settings, '--docker', at.engine.url, ...args]);

function startWatch(at: Machine): Watching {
  const watch = at.lab.startPortcullis([
    ...['--config', at.settings, '--docker', at.engine.url, '--log-level', 'debug', 'watch'],
  ]);
  watches.set(at, watch);
  return watch;
}

async function stopWatch(at: Machine): Promise<void> {
  await watches.get(at)?.stop();
  watches.delete(at);
}

type Row = { host: string; state: string; upstreams: readonly { address: string }[] };

/** Host -> addresses of what the machine would serve. */
async function routes(at: Machine): Promise<Readonly<Record<string, string>>> {
  const rows: readonly Row[] = JSON.parse((await portcullis(at, 'routes', '--json')).stdout);
  const live = rows.filter(({ state }) => state === 'live');
  return Object.fromEntries(
    live.map(({ host, upstreams }) => [host, upstreams.map(({ address }) => address).join()]),
  );
}

/** The sites that the worker's Nginx has been given. */
async function sitesOfWorker(): Promise<string> {
  const index = join(workerNginx, 'portcullis.conf');
  const { stdout } = await second.host.run(['sh', '-c', `cat ${index} | grep sites/; true`]);
  return stdout;
}

const SWARM_PORTS = ['7000', '7001', '7003', '7005'];

async function held(at: Machine): Promise<readonly string[]> {
  const { ruleset } = JSON.parse((await portcullis(at, 'firewall', 'show', '--json')).stdout);
  return ruleset.held.map(({ port }: { port: number }) => String(port));
}

test('a service in ingress mode has a route on every node, also where no task of it runs', async () => {
  const expected = {
    'service-7001.example.com': '127.0.0.1:7001',
    'stack.example.com': '127.0.0.1:7005',
  };
  for (const at of [one, two, worker]) {
    await waitUntil(`routes on ${at.address}`, async () => {
      const found = await routes(at);
      return Object.entries(expected).every(([host, address]) => found[host] === address);
    });
  }
  await waitUntil('the worker publishes them', async () =>
    /service-7001/.test(await sitesOfWorker()),
  );
  assert.ok(
    !('other.example.com' in (await routes(one))),
    "a container's label beats its service's",
  );
});

test('a task in host mode answers through the Nginx of its node, and not past it', async () => {
  await waitUntil('it answers', async () => {
    const { body } = await get(lab.outside, `http://${SECOND_V4}/`, {
      host: 'service-7000.example.com',
    });
    return body === 'lab\n';
  });
  for (const at of [one, two, worker]) {
    await waitUntil(`${at.address} is closed`, async () => {
      assert.equal(await outside.dial('tcp', at.address, 22), 'refused');
      return (await outside.dial('tcp', at.address, 7000)) === '';
    });
  }
});

test('every node holds the port of each service, and the kernel has it', async () => {
  for (const at of [one, two, worker]) {
    const ports = await held(at);
    for (const port of SWARM_PORTS) assert.ok(ports.includes(port), `${port} on ${at.address}`);
    await waitUntil(`${at.address} enforces`, async () => {
      return (await portcullis(at, 'firewall', 'check')).code === 0;
    });
  }
});

test('a port that another program has is not held, whatever a service asks for', async () => {
  const host = startAgent(second.host.name, lab.cleanup);
  await host.listen('tcp', '0.0.0.0', 7009, 'own\n');
  await service('greedy', 'mode=host,published=7009,target=80', onlyOn('nowhere'));
  await waitUntil('a manager holds it', async () => (await held(two)).includes('7009'));
  await waitUntil('the worker knows it', async () =>
    /"greedy"/.test(
      (await second.host.run(['cat', join(second.folder, 'state/swarm-services.json')])).stdout,
    ),
  );
  assert.ok(!(await held(worker)).includes('7009'));
  assert.equal(await outside.dial('tcp', SECOND_V4, 7009), 'own\n');
});

test('the label public of a service opens its port on every node', async () => {
  for (const at of [one, worker]) {
    const { ruleset } = JSON.parse((await portcullis(at, 'firewall', 'show', '--json')).stdout);
    const grant = ruleset.grants.find(({ port }: { port: number }) => port === 7002);
    const gateway = await at.engine.docker('network', 'inspect', 'docker_gwbridge');
    const mesh = JSON.parse(gateway)[0].Containers['ingress-sbox'].IPv4Address.split('/')[0];
    assert.deepEqual(grant?.endpoints, [{ address: mesh, port: 7002 }]);
  }
});

test("a container with a Swarm's labels is no task of it", async () => {
  await worker.engine.run({
    name: 'meshed.1.c3ecqur98jeonlh8f1zivwnx',
    ports: ['127.0.0.1:7099:80'],
    labels: {
      'com.docker.swarm.service.name': 'meshed',
      'com.docker.swarm.service.id': 'jpjys5vdh35qs7qzd7k9fs931',
      'com.docker.swarm.task.id': 'c3ecqur98jeonlh8f1zivwnxw',
      'com.docker.swarm.task.name': 'meshed.1.c3ecqur98jeonlh8f1zivwnxw',
      'com.docker.swarm.node.id': 'j3a7fix6rwzfcjj61m6ujfj02',
      'portcullis.host': 'service-7001.example.com',
    },
  });
  assert.equal((await routes(worker))['service-7001.example.com'], '127.0.0.1:7001');
  const { stderr } = await portcullis(worker, 'routes');
  assert.match(stderr, /rejected: .*asks for service-7001\.example\.com\/, which container meshed/);
});

test('a changed label of a service reaches the worker, and a removed service goes', async () => {
  await one.engine.docker(
    ...['service', 'update', '--detach', '--no-resolve-image'],
    ...['--label-add', 'portcullis.host=renamed.example.com', 'meshed'],
  );
  await waitUntil('the new name is published', async () => /renamed/.test(await sitesOfWorker()));
  await one.engine.docker('service', 'rm', 'meshed');
  await waitUntil('it is gone', async () => !/renamed/.test(await sitesOfWorker()));
  await waitUntil('its port is free', async () => !(await held(worker)).includes('7001'));
});

test('a worker goes on with the other manager, and with the last good list when none is left', async () => {
  await stopWatch(one);
  await waitUntil('the other manager is asked', async () => {
    const { swarm } = JSON.parse((await portcullis(worker, 'status', '--json')).stdout);
    return swarm.from === THIRD_V4 && swarm.error === undefined;
  });
  await stopWatch(two);
  await watches.get(worker)?.saw(/swarm-lost .*kept as of/);
  await waitUntil('status says so', async () => {
    const { code, stdout } = await portcullis(worker, 'status');
    return code === 1 && /the Swarm's services are kept: the manager at/.test(stdout);
  });
  await stopWatch(worker);
  await portcullis(worker, 'firewall', 'remove', '--yes');
  const again = startWatch(worker);
  await again.saw(/firewall-enforced/);
  assert.ok((await held(worker)).includes('7003'));
  assert.match(await sitesOfWorker(), /stack\.example/);
  startWatch(one);
  startWatch(two);
  await again.saw(/swarm-found/);
});

test('a node cut off keeps all and says so; joined again it learns what came meanwhile', async () => {
  await second.plug(false);
  await service('later', 'mode=ingress,published=7006,target=80', label('enable=true'));
  await lost(worker);
  assert.match(await sitesOfWorker(), /stack\.example/);
  assert.ok((await held(worker)).includes('7003'));
  await second.plug(true);
  await waitUntil('it is served', async () => /7006/.test(await sitesOfWorker()), 40_000);
});

/** Docker itself takes 20 s to notice. */
const skip = process.env['LAB_LONG'] === undefined && 'it takes half a minute: LAB_LONG=1 runs it';

test('managers without a majority keep all and say so', { skip }, async () => {
  const cable = (state: string): Promise<string> =>
    lab.outside.ok(['ip', 'link', 'set', 'eth0', state]);
  await cable('down');
  await Promise.all([lost(two), lost(worker)]);
  assert.match(await sitesOfWorker(), /7006/);
  await cable('up');
  await watches.get(two)?.saw(/swarm-found/, 40_000);
});

const lost = (at: Machine): Promise<true> =>
  waitUntil(
    `${at.address} says that it has lost the Swarm`,
    async () => {
      const { swarm } = JSON.parse((await portcullis(at, 'status', '--json')).stdout);
      return swarm.from === 'kept' && swarm.error !== undefined;
    },
    40_000,
  );
