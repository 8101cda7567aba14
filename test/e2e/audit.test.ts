/** `audit --probe` on a real engine, held against real connects from an outside host. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '../../src/core/exposure/exposure.ts';
import { startAgent, type Agent } from '../lab/agent.ts';
import type { Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, HOST_V6, openLab, OUTSIDE_V4, type Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let outside: Agent;
let linkLocal = '';
const addresses = new Map<string, { v4: string; v6: string }>();

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({ args: ['--ipv6', '--fixed-cidr-v6', 'fd00:dead:beef::/48'] });
  const says = (name: string, port = 80): readonly string[] => [
    ...['/bin/nc', '-ll', '-p', String(port), '-e', '/bin/echo', name],
  ];
  await engine.run({ name: 'open', ports: ['8080:80', '5300:53/udp'], command: says('open') });
  await engine.run({ name: 'loop', ports: ['127.0.0.1:1234:80'], command: says('loop') });
  await engine.run({
    name: 'pub',
    ports: ['8443:80'],
    labels: { 'portcullis.public': 'true' },
    command: says('pub'),
  });
  await engine.run({
    name: 'onhost',
    network: 'host',
    labels: { 'portcullis.port': '9000' },
    args: ['--expose', '9000'],
    command: says('onhost', 9000),
  });
  for (const name of ['open', 'loop', 'pub']) {
    const format =
      '{{.NetworkSettings.Networks.bridge.IPAddress}} {{.NetworkSettings.Networks.bridge.GlobalIPv6Address}}';
    const [v4 = '', v6 = ''] = (await engine.docker('inspect', '-f', format, name)).split(' ');
    addresses.set(name, { v4, v6 });
  }
  const shown = await lab.host.ok(['ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'link']);
  linkLocal = /fe80::[0-9a-f:]+/.exec(shown)?.[0] ?? '';
  await lab.outside.ok(['ip', 'route', 'add', '172.17.0.0/16', 'via', HOST_V4]);
  await lab.outside.ok(['ip', '-6', 'route', 'add', 'fd00:dead:beef::/48', 'via', HOST_V6]);
  await lab.outside.ok(['sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1']);
  await lab.outside.ok(['ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo']);
  const neighbour = ['ip', 'route', 'add', '127.0.0.1/32', 'via', HOST_V4, 'src', OUTSIDE_V4];
  await lab.outside.ok(neighbour);
  outside = startAgent(lab.outside.name, lab.cleanup);
});
after(() => lab.close());

async function settings(backend: string): Promise<string> {
  const text = `firewall: { backend: ${backend}, state_dir: ${join(lab.folder, 'state')} }\n`;
  return put(join(lab.folder, `${backend}.yaml`), text);
}

async function portcullis(backend: string, ...args: readonly string[]) {
  return lab.portcullis(['--config', await settings(backend), '--docker', engine.url, ...args]);
}

async function findings(backend: string, ...args: readonly string[]): Promise<readonly Finding[]> {
  const { code, stdout, stderr } = await portcullis(backend, 'audit', '--json', ...args);
  assert.ok(stdout.startsWith('{'), stderr);
  const answer: { findings: readonly Finding[] } = JSON.parse(stdout);
  assert.equal(code, answer.findings.some(({ verdict }) => verdict === 'open') ? 3 : 0);
  return answer.findings;
}

function targetOf({ container, port, bind, path }: Finding): [address: string, port: number] {
  const published = Number(bind.split(':').at(-1));
  const at = addresses.get(container);
  switch (path) {
    case 'published-v4':
      return [HOST_V4, published];
    case 'published-v6':
      return [HOST_V6, published];
    case 'userland-proxy-v6':
      return [`${linkLocal}%eth0`, published];
    case 'loopback-neighbour':
      return ['127.0.0.1', published];
    case 'host-network':
      return [HOST_V4, port];
    case 'direct-v4':
      return [at?.v4 ?? '', port];
    case 'direct-v6':
    case 'macvlan':
    default:
      return [at?.v6 ?? '', port];
  }
}

/** What the host holds, without the counters of Docker's rules. */
async function traces(): Promise<string> {
  const rules = await lab.host.ok(['nft', 'list', 'ruleset']);
  const links = await lab.host.ok(['ip', '-o', 'link']);
  const routes = await lab.host.ok(['ip', 'route']);
  return `${rules.replace(/counter packets \d+ bytes \d+/g, '')}\n${links}\n${routes}`;
}

async function agrees(backend: string): Promise<readonly Finding[]> {
  const clean = await traces();
  const found = await findings(backend, '--probe');
  await waitUntil('nothing is left behind', async () => (await traces()) === clean);
  const tcp = found.filter(({ protocol }) => protocol === 'tcp');
  const paths = new Set(tcp.map(({ path }) => path));
  assert.deepEqual([...paths].toSorted(), [
    ...['direct-v4', 'direct-v6', 'host-network', 'loopback-neighbour'],
    ...['published-v4', 'published-v6', 'userland-proxy-v6'],
  ]);
  await Promise.all(
    tcp.map(async (finding) => {
      const reached = finding.verdict === 'open' || finding.verdict === 'public';
      let said = await outside.dial('tcp', ...targetOf(finding));
      // A dial waits 400 ms only, and a greeting was once later than that: ask again.
      if (reached && said === '') said = await outside.dial('tcp', ...targetOf(finding));
      assert.equal(said.trim(), reached ? finding.container : '', JSON.stringify(finding));
      assert.equal(finding.proven, true, JSON.stringify(finding));
    }),
  );
  for (const { proven, verdict } of found.filter(({ protocol }) => protocol === 'udp')) {
    assert.ok(!proven || verdict === 'open');
  }
  return found;
}

test('without a firewall everything is open, and every connect agrees', async () => {
  const found = await agrees('auto');
  const verdicts = found.filter(({ protocol }) => protocol === 'tcp').map(({ verdict }) => verdict);
  assert.ok(verdicts.every((verdict) => verdict !== 'closed'));
  assert.ok(found.some(({ fix }) => fix?.includes('portcullis firewall apply')));
  const unproven = await findings('auto');
  assert.ok(unproven.every(({ proven, verdict }) => !proven && verdict === 'open'));
});

for (const backend of ['nftables', 'iptables', 'docker-user']) {
  test(`with ${backend} only the public port is open, and every connect agrees`, async () => {
    const { code, stderr } = await portcullis(backend, 'firewall', 'apply', '--yes');
    assert.equal(code, 0, stderr);
    const found = await agrees(backend);
    const reached = found.filter(({ verdict }) => verdict !== 'closed');
    assert.ok(reached.length > 0);
    for (const { container, verdict } of reached) {
      assert.deepEqual([container, verdict], ['pub', 'public']);
    }
    await portcullis(backend, 'firewall', 'remove', '--yes');
  });
}

test('killed in the middle it leaves nothing behind', async () => {
  const clean = await traces();
  const args = ['--config', await settings('auto'), '--docker', engine.url];
  const started = lab.startPortcullis([...args, 'audit', '--probe']);
  await waitUntil('the stranger is there', async () => / pcs\d/.test(await traces()));
  process.kill(started.pid, 'SIGKILL');
  await waitUntil('nothing is left behind', async () => (await traces()) === clean);
});

test('the table fits 80 columns', async () => {
  const { stdout } = await portcullis('auto', 'audit');
  assert.match(stdout, /^\d+ of \d+ paths are open, 0 shown by packets\n/);
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  );
});
