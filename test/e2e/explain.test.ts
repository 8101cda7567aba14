/** `explain` and `doctor` on a real engine and a real Nginx: what is right, and what is wrong and why. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Check } from '../../src/core/doctor/check.ts';
import type { RunResult } from '../../src/adapters/run.ts';
import { startAgent } from '../lab/agent.ts';
import { HEALTH_IMAGE, type Engine } from '../lab/engine.ts';
import { put } from '../lab/files.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';
import { waitUntil } from '../lab/wait-until.ts';

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let settings = '';

const text = (more = '', mode = 'enforce'): string =>
  `nginx: { dir: ${nginx.dir}, config: ${nginx.config} ${more} }
domain: example.test
firewall: { mode: ${mode}, backend: nftables, state_dir: ${join(lab.folder, 'state')} }
`;
const portcullis = (...args: readonly string[]): Promise<RunResult> =>
  lab.portcullis(['--config', settings, '--docker', engine.url, ...args]);

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine({});
  nginx = await lab.startNginx();
  // With a firewall to enforce, init would put its unit into a systemd of this machine.
  settings = await put(join(lab.folder, 'portcullis.yaml'), text('', '"off"'));
  const init = await portcullis('init', '--yes');
  assert.equal(init.code, 0, init.stderr);
  await put(settings, text());
  const to = (host: string, more: Readonly<Record<string, string>> = {}) => ({
    'portcullis.host': host,
    ...more,
  });
  await engine.run({ name: 'good', ports: ['127.0.0.1:1301:80'], labels: to('good.example') });
  await engine.run({
    name: 'dead',
    ports: ['127.0.0.1:1302:81'],
    labels: to('dead.example'),
  });
  await engine.run({
    name: 'sick',
    ports: ['127.0.0.1:1303:80'],
    labels: to('sick.example'),
    image: HEALTH_IMAGE,
    command: ['/bin/sleep', '1000'],
  });
  await engine.run({
    name: 'picky',
    ports: ['127.0.0.1:1304:80'],
    labels: to('picky.example', { 'portcullis.allow': '192.0.2.0/24' }),
  });
  await engine.run({ name: 'twin', ports: ['127.0.0.1:1305:80'], labels: to('good.example') });
  await engine.run({ name: 'plain', ports: ['8306:80'] });
  await engine.run({
    name: 'wrong',
    ports: ['127.0.0.1:1307:80'],
    labels: { 'portcullis.prot': '80' },
  });
  await engine.docker('exec', 'sick', 'rm', '/healthy');
  await waitUntil(
    'one is unhealthy',
    async () =>
      (await engine.docker('ps', '--filter', 'health=unhealthy', '-q')) !== '' || undefined,
  );
  const generated = await portcullis('generate', '--no-firewall');
  assert.equal(generated.code, 4, generated.stderr);
});
after(() => lab.close());

const explained = async (asked: string): Promise<string> => {
  const { code, stdout, stderr } = await portcullis('explain', asked);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80 && !line.includes(lab.folder)),
    [],
    stdout,
  );
  return stdout.replaceAll(/\n +/g, ' ');
};

for (const [asked, says] of [
  [
    'good.example',
    [
      /^host good\.example/,
      /labels +portcullis\.host = "good\.example"/,
      /decision +http:\/\/good\.example\/ goes to 127\.0\.0\.1:1301/,
      /file +\S+\/sites\/good\.example\.[0-9a-f]{16}\.conf:\d+/,
      /upstream +127\.0\.0\.1:1301 takes connections/,
      /health +it has no health check/,
      // Docker 28 closes it by a rule of its own.
      /firewall +80\/tcp by loopback-neighbour is (open|closed: table ip raw: -A PREROUTING)/,
      /request +GET http:\/\/good\.example\/ at 127\.0\.0\.1:80: 200/,
    ],
  ],
  [
    'dead.example',
    [
      /127\.0\.0\.1:1302 ends a connection at once/,
      /: 503: the upstream failed: nothing listens on 127\.0\.0\.1:1302/,
    ],
  ],
  [
    'sick.example',
    [
      /sick\.example\/ waits for a container that is ready/,
      /: 503: no container of this route is ready/,
    ],
  ],
  ['picky', [/: 403: this host is none of the addresses that allow names \(192\.0\.2\.0\/24\)/]],
  ['twin', [/decision +good\.example\/ is rejected: .*good/]],
  ['plain', [/no label begins with "portcullis\."/, /no route: it has no "portcullis\." label/]],
  ['wrong', [/portcullis\.prot.*portcullis\.port/]],
] as const) {
  test(`explain ${asked}`, async () => {
    const said = await explained(asked);
    for (const each of says) assert.match(said, each);
  });
}

test('explain a port: the packet that is let in, and the rule that drops it', async () => {
  assert.match(
    await explained('8306'),
    /^port 8306\n.*container plain:.*published-v4 is open: anybody gets in by eth0.*no rule dropped it/s,
  );
  assert.equal((await portcullis('firewall', 'apply', '--yes')).code, 0);
  try {
    const said = await explained('8306');
    assert.match(said, /published-v4 is closed: table inet portcullis: host_gate/);
    assert.match(
      said,
      /chain host_gate of table inet portcullis \(Portcullis\) dropped it: .*drop/,
    );
    const tables = await lab.host.ok(['nft', 'list', 'tables']);
    assert.doesNotMatch(tables, /portcullis_trace/);
  } finally {
    await portcullis('firewall', 'remove', '--yes');
  }
});

test('explain what nobody knows: the nearest names; as JSON: the same steps', async () => {
  const { code, stderr } = await portcullis('explain', 'god.example');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /no host, container or port is called "god\.example"; near it are good\.example/,
  );
  const [{ subject, steps }] = JSON.parse((await portcullis('explain', 'good', '--json')).stdout);
  assert.equal(subject, 'container good');
  assert.ok(
    steps.every(
      ({ about, text: says }: { about: string; text: string }) => about !== '' && says !== '',
    ),
  );
});

test('explain, with Nginx stopped: refused, and how to start it', async () => {
  await nginx.stop();
  try {
    assert.match(await explained('good.example'), /refused: Nginx does not listen there; start it/);
  } finally {
    await nginx.start();
  }
});

async function doctor(
  ...args: readonly string[]
): Promise<{ code: number; checks: readonly Check[] }> {
  const { code, stdout, stderr } = await lab.portcullis([
    '--config',
    settings,
    ...args,
    'doctor',
    '--json',
  ]);
  assert.ok(stdout.startsWith('['), stderr);
  return { code, checks: JSON.parse(stdout) };
}
const stateOf = (checks: readonly Check[], name: string): string | undefined =>
  checks.find((check) => check.name === name)?.state;

test('doctor on a host that is well: no problem', async () => {
  await portcullis('firewall', 'apply', '--yes');
  const { code, checks } = await doctor('--docker', engine.url);
  // Its unit is not installed on a machine of tests, where that has a systemd.
  const problems = checks.filter(
    (check) => check.state === 'problem' && check.name !== 'firewall at boot',
  );
  assert.deepEqual(problems, []);
  assert.equal(code, stateOf(checks, 'firewall at boot') === 'problem' ? 3 : 0);
  for (const name of [
    'docker',
    'docker events',
    'nginx',
    'nginx include',
    'nginx configuration',
    'nginx running',
    'firewall enforced',
  ]) {
    assert.equal(stateOf(checks, name), 'ok', name);
  }
  await portcullis('firewall', 'remove', '--yes');
});

for (const [title, name, breakIt, mendIt] of [
  ['the firewall is not enforced', 'firewall enforced', async () => {}, async () => {}],
  [
    'Nginx refuses its configuration',
    'nginx configuration',
    () => put(join(nginx.confDir, 'conf.d', 'broken.conf'), 'nonsense;\n'),
    () => lab.host.ok(['rm', join(nginx.confDir, 'conf.d', 'broken.conf')]),
  ],
  [
    'Nginx does not read Portcullis',
    'nginx include',
    () => put(settings, text().replace(nginx.dir, `${nginx.dir}-other`)),
    () => put(settings, text()),
  ],
  ['Nginx does not run', 'nginx running', () => nginx.stop(), () => nginx.start()],
  [
    'another program has the port',
    'ports',
    async () => {
      await startAgent(lab.host.name, lab.cleanup).listen('tcp', '0.0.0.0', 8099, 'me');
      await put(settings, text(', listen_http: 8099'));
    },
    () => put(settings, text()),
  ],
] as const) {
  test(`doctor: ${title}`, async () => {
    await breakIt();
    try {
      const { code, checks } = await doctor('--docker', engine.url);
      assert.equal(stateOf(checks, name), 'problem', JSON.stringify(checks));
      assert.equal(code, 3);
      assert.ok(checks.every(({ state, fix }) => state !== 'problem' || fix !== undefined));
    } finally {
      await mendIt();
    }
  });
}

test('doctor: Docker does not answer, or never stops thinking', async () => {
  const silent = join(lab.folder, 'silent.sock');
  const server = createServer(() => {}).listen(silent);
  try {
    for (const socket of [join(lab.folder, 'none.sock'), silent]) {
      const { checks, code } = await doctor('--docker', `unix://${socket}`);
      assert.deepEqual([code, stateOf(checks, 'docker')], [3, 'problem'], socket);
      assert.equal(
        stateOf(checks, 'nginx configuration'),
        'ok',
        'the others are told all the same',
      );
    }
  } finally {
    server.close();
  }
});
