/** A word in each secret, every command, also failing ones: no word comes out, nor into a file. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { RunResult } from '../../src/adapters/run.ts';
import { makePair } from '../lab/certificates.ts';
import type { Engine } from '../lab/engine.ts';
import { bytesBelow, put } from '../lab/files.ts';
import { openLab, type Lab } from '../lab/lab.ts';
import type { LabNginx } from '../lab/nginx.ts';

/** What must never be seen, by where it is. */
const SECRETS = new Map([
  ['htpasswd', 'MARK-htpasswd'],
  ['the environment of a container', 'MARK-environment'],
  ['a broken TLS key', 'MARK-broken-key'],
  ["Docker's client key", 'MARK-docker-key'],
  ['DOCKER_HOST', 'MARK-docker-host'],
]);
const mark = (where: string): string => SECRETS.get(where) ?? assert.fail(where);

let lab: Lab;
let engine: Engine;
let nginx: LabNginx;
let settings = '';
/** All that was printed, by command. */
const printed = new Map<string, string>();

before(async () => {
  lab = await openLab();
  engine = await lab.startEngine();
  nginx = await lab.startNginx();
  const at = (name: string): string => join(lab.folder, name);
  await put(at('htpasswd/team'), `ann:{PLAIN}${mark('htpasswd')}\n`);
  await mkdir(at('certs'));
  const { key } = await makePair(at('certs'), { name: 'good', hosts: 'good.example' });
  SECRETS.set('a TLS key', (await readFile(key, 'utf8')).split('\n')[1] ?? '');
  const broken = await makePair(at('certs'), { name: 'broken', hosts: 'broken.example' });
  const pem = 'PRIVATE KEY-----';
  await put(broken.key, `-----BEGIN ${pem}\n${mark('a broken TLS key')}\n-----END ${pem}\n`);
  settings = await put(
    at('portcullis.yaml'),
    `nginx: { dir: ${nginx.dir}, config: ${nginx.config}, control: local }
auth_dir: ${at('htpasswd')}
tls: { cert_dir: ${at('certs')}, acme_dir: "" }
firewall: { state_dir: ${at('state')} }
template_dir: ${at('templates')}
`,
  );
  await put(at('templates/wrong.conf.ejs'), '<%= site.nothing.at.all %>\n');
  await put(at('docker-tls/ca.pem'), 'no certificate\n');
  await put(at('docker-tls/cert.pem'), 'no certificate\n');
  await put(at('docker-tls/key.pem'), `${mark("Docker's client key")}\n`);
  for (const [name, port, labels] of [
    ['guarded', 1234, { 'auth-basic': 'team', host: 'good.example' }],
    ['halved', 1235, { host: 'broken.example' }],
    ['only', 1236, { host: 'broken.example', tls: 'only' }],
    ['wrong', 1237, { template: 'wrong' }],
    ['absent', 1238, { 'auth-basic': 'nobody' }],
  ] as const) {
    await engine.run({
      ...{ name, ports: [`127.0.0.1:${port}:80`] },
      labels: Object.fromEntries(Object.entries(labels).map(([k, v]) => [`portcullis.${k}`, v])),
      args: ['--env', `PASSWORD=${mark('the environment of a container')}`],
    });
  }
});
after(() => lab.close());

async function portcullis(
  args: readonly string[],
  {
    docker = engine.url,
    env = {},
    stdin,
  }: { docker?: string; env?: NodeJS.ProcessEnv; stdin?: string } = {},
): Promise<RunResult> {
  const all = [
    '--config',
    settings,
    '--log-level',
    'debug',
    ...(docker ? ['--docker', docker] : []),
  ];
  const result = await lab.portcullis([...all, ...args], {
    env,
    ...(stdin !== undefined && { stdin }),
  });
  const { code, stdout, stderr } = result;
  printed.set(`${printed.size} ${args.join(' ')}`, `${code}\n${stdout}${stderr}`);
  return result;
}

/** Shows that the word is where it can be found, so that a test which finds none means something. */
test('the secrets are there to be told', async () => {
  const inspected = await engine.docker('inspect', 'guarded');
  assert.ok(inspected.includes(mark('the environment of a container')));
});

test('every command, and those that fail', async () => {
  await portcullis(['init', '--yes']);
  await portcullis(['generate']);
  const commands = [
    ...[
      ['generate', '--diff'],
      ['generate', '--dry-run'],
      ['generate', '--check'],
    ],
    ...[['routes'], ['routes', '--json'], ['audit'], ['audit', '--json'], ['doctor', '--json']],
    ...[['audit', '--format', 'sarif'], ['audit', '--format', 'prometheus'], ['doctor']],
    ...[
      ['explain', 'good.example'],
      ['explain', 'guarded', '--json'],
      ['explain', 'halved'],
    ],
    ...[['firewall', 'show'], ['firewall', 'check', '--json'], ['undo'], ['status']],
  ];
  for (const command of commands) await portcullis(command);
  const watching = lab.startPortcullis([
    ...['--config', settings, '--docker', engine.url, '--log-level', 'debug', 'watch'],
  ]);
  try {
    await watching.saw(/reconciled/);
    await portcullis(['status', '--json']);
    await engine.docker('restart', '-t', '0', 'guarded');
    await watching.saw(/docker-event .*start/);
  } finally {
    await watching.stop();
    printed.set('watch', watching.output());
  }
});

test('input that is not whole', async () => {
  const inspected = await engine.docker('inspect', 'guarded');
  const secret = mark('the environment of a container');
  const cut = inspected.slice(0, inspected.indexOf(secret) + secret.length);
  for (const stdin of [
    cut,
    `${cut}x`,
    secret,
    `{"Env": ["${secret}" x]}`,
    `[${JSON.stringify(secret)}]`,
  ]) {
    const { code } = await portcullis(['generate', '--from', '-', '--dry-run'], { stdin });
    assert.equal(code, 1);
  }
  const key = join(lab.folder, 'certs/broken.key');
  for (const args of [
    ['routes', '--from', key],
    ['audit', '--compare-nmap', key],
  ]) {
    assert.notEqual((await portcullis(args)).code, 0);
  }
});

test('a Docker that is not reached', async () => {
  const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(lab.folder, 'docker-tls') };
  await portcullis(['routes'], { docker: 'tcp://127.0.0.1:1', env });
  const password = { DOCKER_HOST: `tcp://ann:${mark('DOCKER_HOST')}@192.0.2.1:2375` };
  await portcullis(['routes'], { docker: '', env: password });
});

test('files that cannot be read', async () => {
  for (const file of ['htpasswd/team', 'certs/good.key']) await chmod(join(lab.folder, file), 0);
  await rm(join(lab.folder, 'certs/broken.crt'));
  await portcullis(['generate']);
  await portcullis(['doctor']);
});

test('none of it was printed', () => {
  assert.ok(printed.size > 25);
  for (const [command, text] of printed) {
    for (const [where, secret] of SECRETS) {
      assert.ok(!text.includes(secret), `${command} tells ${where}:\n${text}`);
    }
  }
});

test('nor written into a file', async () => {
  for (const folder of [nginx.folder, join(lab.folder, 'state')]) {
    for (const [path, bytes] of Object.entries(await bytesBelow(folder))) {
      for (const [where, secret] of SECRETS) {
        assert.ok(!bytes.includes(secret), `${join(folder, path)} holds ${where}`);
      }
    }
  }
});
