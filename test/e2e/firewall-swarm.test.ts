/** A Swarm opens its ports on every node; the firewall closes them on this one. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
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
  await waitUntil(
    'the task in host mode answers',
    async () => (await host.dial('tcp', '127.0.0.1', 7000)) === 'hosted\n' || undefined,
    60_000,
  );
});
after(async () => {
  await engine?.tryDocker('swarm', 'leave', '--force');
  await lab.close();
});

const service = (name: string, publish: string): Promise<string> =>
  engine.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', name],
    ...['--publish', publish, 'lab/web:1'],
    ...['/bin/nc', '-ll', '-p', '80', '-e', '/bin/echo', name],
  );

async function portcullis(backend: string, ...args: readonly string[]): Promise<RunResult> {
  const text = `firewall: { backend: ${backend}, state_dir: ${join(lab.folder, 'state')} }\n`;
  const file = await put(join(lab.folder, `${backend}.yaml`), text);
  return lab.portcullis(['--config', file, '--docker', engine.url, ...args]);
}

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
});
