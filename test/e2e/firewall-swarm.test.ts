/** A Swarm opens its ports on every node; the firewall closes them on this one. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import type { RunResult } from '../../src/adapters/run.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, HOST_V6, openLab, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let outside: Agent;
let host: Agent;

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({});
  outside = startAgent(lab.outside.name, lab.cleanup);
  host = startAgent(lab.host.name, lab.cleanup);
  await engine.docker('swarm', 'init', '--advertise-addr', HOST_V4);
  await service('hosted', 'mode=host,published=7000,target=80');
  await service('meshed', 'mode=ingress,published=7001,target=80');
  await stack();
  for (const [port, name] of [
    [7000, 'hosted'],
    [7002, 'open'],
    [7003, 'shut'],
  ] as const) {
    await waitUntil(
      `the task of ${name} answers`,
      async () => (await host.dial('tcp', '127.0.0.1', port)) === `${name}\n`,
      60_000,
    );
  }
});
after(async () => {
  await engine?.tryDocker('swarm', 'leave', '--force');
  await lab.close();
});

/** Its tasks are on an overlay network. */
async function stack(): Promise<void> {
  const echo = (name: string, port: number, labels: Readonly<Record<string, string>>) => ({
    image: 'lab/web:1',
    command: ['/bin/nc', '-ll', '-p', '80', '-e', '/bin/echo', name],
    ports: [{ target: 80, published: port, protocol: 'tcp', mode: 'host' }],
    deploy: { labels, restart_policy: { delay: '3s' } },
  });
  const services = {
    open: echo('open', 7002, { 'portcullis.public': '7002/tcp' }),
    shut: echo('shut', 7003, { 'portcullis.enable': 'true' }),
  };
  const file = await put(join(lab.folder, 'stack.yaml'), stringify({ version: '3.8', services }));
  await engine.docker('stack', 'deploy', '--resolve-image', 'never', '-c', file, 'shop');
}

const service = (name: string, publish: string): Promise<string> =>
  engine.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', name],
    ...['--publish', publish, 'lab/web:1'],
    ...['/bin/nc', '-ll', '-p', '80', '-e', '/bin/echo', name],
  );

async function options(backend: string): Promise<readonly string[]> {
  const text = `firewall: { backend: ${backend}, state_dir: ${join(lab.folder, 'state')} }
nginx: { dir: ${join(lab.folder, 'nginx')} }
watch: { resync: 10m }
`;
  const file = await put(join(lab.folder, `${backend}.yaml`), text);
  return ['--config', file, '--docker', engine.url];
}

const portcullis = async (backend: string, ...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis([...(await options(backend)), ...args]);

test('without a firewall a port in host mode answers everybody', async () => {
  assert.equal(await outside.dial('tcp', HOST_V4, 7000), 'hosted\n');
  assert.equal(await outside.dial('tcp', HOST_V6, 7000), 'hosted\n');
});

for (const backend of ['nftables', 'iptables', 'docker-user']) {
  test(`${backend}: closed for outside, open for this host`, async () => {
    const applied = await portcullis(backend, 'firewall', 'apply', '--yes');
    assert.equal(applied.code, 0, applied.stderr);
    try {
      assert.equal(await outside.dial('tcp', HOST_V4, 7000), '');
      assert.equal(await outside.dial('tcp', HOST_V6, 7000), '');
      assert.equal(await host.dial('tcp', '127.0.0.1', 7000), 'hosted\n');
      assert.equal(await outside.dial('tcp', HOST_V4, 7002), 'open\n', 'public, on an overlay');
      assert.equal(await outside.dial('tcp', HOST_V6, 7002), 'open\n', 'public, on an overlay');
      assert.equal(await outside.dial('tcp', HOST_V4, 7003), '');
      assert.equal(await outside.dial('tcp', HOST_V6, 7003), '');
      // The mesh itself needs IPVS, which few test machines have: its bridge is guarded like the others.
      const shown = await portcullis(backend, 'firewall', 'show');
      assert.match(shown.stdout, /docker_gwbridge/);
      const check = await portcullis(backend, 'firewall', 'check');
      assert.equal(check.code, 0, check.stdout);
    } finally {
      await portcullis(backend, 'firewall', 'remove', '--yes');
    }
  });
}

test('audit names the ports of the mesh, and those of dockerd for other nodes', async () => {
  const { stdout } = await portcullis('nftables', 'audit', '--json');
  const { findings, host_findings } = JSON.parse(stdout);
  const meshed = findings.find(({ path }: { path: string }) => path === 'swarm-ingress');
  assert.deepEqual([meshed?.container, meshed?.port, meshed?.bind], ['meshed', 80, '*:7001']);
  const hosted = findings.find(({ bind }: { bind: string }) => bind === '0.0.0.0:7000');
  assert.equal(hosted?.verdict, 'open');
  const ports = host_findings.map(
    ({ what, name }: { what: string; name: string }) => `${what} ${name}`,
  );
  assert.ok(ports.includes('swarm-port tcp 2377'), ports.join());
  const shut: Readonly<Record<string, string>> = Object.fromEntries(
    findings
      .filter(({ container }: { container: string }) => container.startsWith('shop_shut'))
      .map(({ path, verdict }: Record<string, string>) => [path, verdict]),
  );
  const { 'direct-v4': direct, ...published } = shut;
  assert.ok(direct, 'its address on docker_gwbridge is known'); // Docker 28 itself closes it
  assert.deepEqual(published, {
    'published-v4': 'open',
    'published-v6': 'open',
    'userland-proxy-v6': 'open',
  });
});

test("watch: public follows a stack's task to its next address, and ends with the label", async () => {
  const answers = (expected: string) => async (): Promise<boolean> =>
    (await outside.dial('tcp', HOST_V4, 7002)) === expected;
  const watching = lab.startPortcullis([
    ...(await options('nftables')),
    ...['--log-level', 'debug', 'watch'],
  ]);
  try {
    await watching.saw(/firewall-enforced/);
    await waitUntil('it is open', answers('open\n'));
    assert.equal(await outside.dial('tcp', HOST_V4, 7003), '');
    const first = await addressOf('shop_open');
    await engine.docker('kill', await engine.docker('ps', '--quiet', '--filter', 'name=shop_open'));
    await engine.run({ name: 'squatter', network: 'docker_gwbridge' }); // takes its address
    await waitUntil('its next task is open', answers('open\n'), 60_000);
    assert.notEqual(await addressOf('shop_open'), first);
    await engine.docker(
      ...['service', 'update', '--detach', '--no-resolve-image'],
      ...['--label-rm', 'portcullis.public', 'shop_open'],
    );
    await waitUntil('it is closed', answers(''));
    assert.equal(await host.dial('tcp', '127.0.0.1', 7002), 'open\n');
    assert.doesNotMatch(watching.output(), /not known|firewall-failed/);
  } finally {
    await watching.stop();
    await portcullis('nftables', 'firewall', 'remove', '--yes');
  }
});

async function addressOf(service_: string): Promise<string> {
  const id = await engine.docker('ps', '--quiet', '--no-trunc', '--filter', `name=${service_}`);
  const text = await engine.docker('network', 'inspect', 'docker_gwbridge');
  return JSON.parse(text)[0].Containers[id].IPv4Address;
}
