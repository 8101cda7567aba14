import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dockerTarget, type Environment } from './docker-target.ts';

const SOCKET = 'unix:///var/run/docker.sock';

const cases: readonly [title: string, url: string | undefined, env: Environment, found: string][] =
  [
    ['the socket by default', undefined, {}, SOCKET],
    ['an empty DOCKER_HOST is none', undefined, { DOCKER_HOST: '' }, SOCKET],
    ['DOCKER_HOST', undefined, { DOCKER_HOST: 'unix:///run/d.sock' }, 'unix:///run/d.sock'],
    ['--docker beats DOCKER_HOST', 'tcp://a:1', { DOCKER_HOST: 'tcp://b:2' }, 'tcp://a:1'],
    ['unix:// alone', 'unix://', {}, SOCKET],
    ['a path', '/run/d.sock', {}, 'unix:///run/d.sock'],
    ['tcp without a port', 'tcp://192.0.2.1', {}, 'tcp://192.0.2.1:2375'],
    ['tcp on port 80', 'tcp://192.0.2.1:80/', {}, 'tcp://192.0.2.1:80'],
    ['a host alone', 'docker.example:2375', {}, 'tcp://docker.example:2375'],
    ['IPv6', 'tcp://[2001:db8::1]', {}, 'tcp://[2001:db8::1]:2375'],
  ];
for (const [title, url, env, found] of cases) {
  test(`dockerTarget(): ${title}`, () => {
    assert.equal(dockerTarget(url, env).url, found);
  });
}

for (const url of [
  'ftp://a',
  'tcp://',
  'tcp://a/path',
  'tcp://u@a',
  'tcp://a:99999',
  'tcp://a:0',
  'npipe:////./pipe/x',
  'a b',
]) {
  test(`dockerTarget(): refuses ${url}`, () => {
    assert.throws(() => dockerTarget(url, {}), {
      code: 'bad-setting',
      message: `the Docker address must be like unix:///var/run/docker.sock or tcp://192.0.2.1:2375, got ${JSON.stringify(url)}`,
    });
  });
}

for (const [title, url, env] of [
  ['the Docker address', 'ssh://me@a:22', {}],
  ['DOCKER_HOST', undefined, { DOCKER_HOST: 'ssh://me@a:22' }],
] as const) {
  test(`dockerTarget(): ${title} by SSH is refused, with what to do instead`, () => {
    assert.throws(() => dockerTarget(url, env), {
      code: 'bad-setting',
      message: `${title} must be like unix:///var/run/docker.sock or tcp://192.0.2.1:2375, got "ssh://me@a:22"; for SSH open a tunnel, as "ssh -nNTL /run/far.sock:/var/run/docker.sock HOST", and give unix:///run/far.sock`,
    });
  });
}

test('dockerTarget(): DOCKER_TLS_VERIFY reads certificates', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'docker-target-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
  assert.throws(() => dockerTarget('tcp://a', env), /DOCKER_TLS_VERIFY needs .*ca\.pem/);
  writeFileSync(join(folder, 'ca.pem'), 'CA');
  const target = dockerTarget('tcp://a', env);
  assert.equal(target.url, 'tcp://a:2376');
  assert.equal(target.kind === 'tcp' && target.tls?.ca.toString(), 'CA');
  writeFileSync(join(folder, 'cert.pem'), 'CERT');
  assert.throws(() => dockerTarget('tcp://a', env), /must hold both cert\.pem and key\.pem/);
});

test('dockerTarget(): a socket file needs no certificates', () => {
  const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nonexistent' };
  assert.equal(dockerTarget(undefined, env).url, SOCKET);
});
