/** Three nodes of a real Swarm, each with a Portcullis: two managers and a worker that has its services from them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startAgent, type Agent } from '../lab/agent.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, type Lab } from '../lab/lab.ts';
import { SECOND_V4, THIRD_V4, type Node } from '../lab/nodes.ts';
import { lost, onlyOn, openSwarm, type Machine, type SwarmStage } from '../lab/swarm-stage.ts';
import { waitUntil } from '../lab/wait-until.ts';

let stage: SwarmStage;
let lab: Lab;
let second: Node;
let outside: Agent;
/** `one` and `two` are managers. */
let one: Machine;
let two: Machine;
let worker: Machine;
let workerNginx = '';

before(async () => {
  stage = await openSwarm();
  ({ lab, second, one, two, worker } = stage);
  outside = startAgent(lab.outside.name, lab.cleanup);
  await Promise.all([
    stage.service('meshed', 'mode=ingress,published=7001,target=80', [
      ...onlyOn(HOST_V4),
      ...label('enable=true'),
    ]),
    stage.service('hosted', 'mode=host,published=7000,target=80', [
      '--mode',
      'global',
      ...label('enable=true'),
    ]),
    stage.service('lonely', 'mode=host,published=7003,target=80', onlyOn(HOST_V4)),
    stage.service('open', 'mode=ingress,published=7002,target=80', [
      ...onlyOn(HOST_V4),
      ...label('public=7002/tcp'),
    ]),
    stack(),
  ]);
  const nginx = await second.startNginx();
  workerNginx = nginx.dir;
  const init = await worker.portcullis('init', '--yes');
  assert.equal(init.code, 0, init.stderr);
  for (const each of [one, two, worker]) each.watch();
});
after(() => stage.close());

const label = (text: string): readonly string[] => ['--label', `portcullis.${text}`];
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

type Row = { host: string; state: string; upstreams: readonly { address: string }[] };

/** Host -> addresses of what the machine would serve. */
async function routes(at: Machine): Promise<Readonly<Record<string, string>>> {
  const rows: readonly Row[] = JSON.parse((await at.portcullis('routes', '--json')).stdout);
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
    const ports = await at.held();
    for (const port of SWARM_PORTS) assert.ok(ports.includes(port), `${port} on ${at.address}`);
    await waitUntil(`${at.address} enforces`, async () => {
      return (await at.portcullis('firewall', 'check')).code === 0;
    });
  }
});

test('a port that another program has is not held, whatever a service asks for', async () => {
  const host = startAgent(second.host.name, lab.cleanup);
  await host.listen('tcp', '0.0.0.0', 7009, 'own\n');
  await stage.service('greedy', 'mode=host,published=7009,target=80', onlyOn('nowhere'));
  await waitUntil('a manager holds it', async () => (await two.held()).includes('7009'));
  await waitUntil('the worker knows it', async () =>
    /"greedy"/.test(
      (await second.host.run(['cat', join(second.folder, 'state/swarm-services.json')])).stdout,
    ),
  );
  assert.ok(!(await worker.held()).includes('7009'));
  assert.equal(await outside.dial('tcp', SECOND_V4, 7009), 'own\n');
});

test('the label public of a service opens its port on every node', async () => {
  for (const at of [one, worker]) {
    const { ruleset } = JSON.parse((await at.portcullis('firewall', 'show', '--json')).stdout);
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
  const { stderr } = await worker.portcullis('routes');
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
  await waitUntil('its port is free', async () => !(await worker.held()).includes('7001'));
});

test('a worker goes on with the other manager, and with the last good list when none is left', async () => {
  await one.unwatch();
  await waitUntil('the other manager is asked', async () => {
    const status = await worker.swarm();
    return status?.from === THIRD_V4 && status.error === undefined;
  });
  await two.unwatch();
  await worker.watching().saw(/swarm-lost .*kept as of/);
  await waitUntil('status says so', async () => {
    const { code, stdout } = await worker.portcullis('status');
    return code === 1 && /the Swarm's services are kept: the manager at/.test(stdout);
  });
  await worker.unwatch();
  await worker.portcullis('firewall', 'remove', '--yes');
  const again = worker.watch();
  await again.saw(/firewall-enforced/);
  assert.ok((await worker.held()).includes('7003'));
  assert.match(await sitesOfWorker(), /stack\.example/);
  one.watch();
  two.watch();
  await again.saw(/swarm-found/);
});

test('a node cut off keeps all and says so; joined again it learns what came meanwhile', async () => {
  await second.plug(false);
  await stage.service('later', 'mode=ingress,published=7006,target=80', label('enable=true'));
  await lost(worker);
  assert.match(await sitesOfWorker(), /stack\.example/);
  assert.ok((await worker.held()).includes('7003'));
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
  await two.watching().saw(/swarm-found/, 40_000);
});
