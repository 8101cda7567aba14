import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNginxBuild } from './nginx-build.ts';

const debian = `nginx version: nginx/1.22.1
built with OpenSSL 3.0.15 3 Sep 2024
TLS SNI support enabled
configure arguments: --with-cc-opt='-g -O2 --with-nothing' --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf --error-log-path=stderr --pid-path=/run/nginx.pid --with-compat --with-http_ssl_module --with-http_v2_module --with-http_stub_status_module --with-http_realip_module --with-http_geoip_module=dynamic --with-stream=dynamic --with-threads
`;

test('parseNginxBuild(): Debian', () => {
  const build = parseNginxBuild(debian);
  assert.ok(build);
  const { modules, dynamicModules, ...rest } = build;
  assert.deepEqual(rest, {
    version: '1.22.1',
    product: 'nginx',
    prefix: '/usr/share/nginx',
    configPath: '/etc/nginx/nginx.conf',
    pidPath: '/run/nginx.pid',
    errorLogPath: 'stderr',
  });
  for (const name of ['http_v2', 'http_realip', 'http_stub_status', 'stream', 'http_geoip']) {
    assert.ok(modules.has(name), name);
  }
  assert.deepEqual([...dynamicModules], ['http_geoip', 'stream']);
  assert.ok(!modules.has('nothing') && !modules.has('cc-opt') && !modules.has('http_v3'));
});

test('parseNginxBuild(): built from source, paths are relative to the prefix', () => {
  const build = parseNginxBuild(
    'nginx version: nginx/1.30.0\nconfigure arguments: --conf-path=x.conf\n',
  );
  assert.equal(build?.configPath, '/usr/local/nginx/x.conf');
  assert.equal(build.pidPath, '/usr/local/nginx/logs/nginx.pid');
  assert.equal(build.errorLogPath, '/usr/local/nginx/logs/error.log');
});

for (const [text, product, version] of [
  ['nginx version: openresty/1.27.1.2', 'openresty', '1.27.1.2'],
  ['nginx version: nginx/1.24.0 (Ubuntu)', 'nginx', '1.24.0'],
  ['Tengine version: Tengine/3.1.0', 'Tengine', '3.1.0'],
  ['Angie version: Angie/1.8.1', 'Angie', '1.8.1'],
] as const) {
  test(`parseNginxBuild(): ${text}`, () => {
    const build = parseNginxBuild(`${text}\n`);
    assert.deepEqual([build?.product, build?.version], [product, version]);
  });
}

test('parseNginxBuild(): other programs', () => {
  assert.equal(parseNginxBuild('Server version: Apache/2.4.62 (Debian)'), undefined);
  assert.equal(parseNginxBuild(''), undefined);
});
