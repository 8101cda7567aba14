/** What a generated site does with real requests: access, protocols, logs, templates, maintenance. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/adapters/run.ts';
import { makePair } from '../lab/certificates.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, OUTSIDE_V4 } from '../lab/lab.ts';
import {
  DEAD,
  openProxyStage,
  PORTS,
  type Echo,
  type Labels,
  type ProxyStage,
  type Service,
} from '../lab/proxy-stage.ts';
import { AUTH_COOKIES } from '../lab/upstream.ts';
import { waitUntil } from '../lab/wait-until.ts';

let stage: ProxyStage;
before(async () => {
  stage = await openProxyStage();
  await makePair(at('certs'), { name: 'grpc', hosts: 'grpc.example grpcs.example' });
});
after(() => stage.lab.close());

const CLIENT = fileURLToPath(new URL('../lab/protocol-client.js', import.meta.url));

const at: ProxyStage['at'] = (...names) => stage.at(...names);
const settings: ProxyStage['settings'] = (...more) => stage.settings(...more);
const serve: ProxyStage['serve'] = (...services) => stage.serve(...services);
const served: ProxyStage['served'] = (...services) => stage.served(...services);
const fetched: ProxyStage['fetched'] = (...args) => stage.fetched(...args);
const echoed: ProxyStage['echoed'] = (...args) => stage.echoed(...args);
const one = (labels: Labels, port = 1401): Service => ({ name: 'web', port, labels });

test('forward auth: who may pass, what is handed on, what is taken back', async () => {
  await served(
    one({
      'private.host': 'app.example',
      'private.auth-request': `http://127.0.0.1:${PORTS.auth}/verify`,
      'open.host': 'app.example',
      'open.path': '/open',
      'challenge.host': 'app.example',
      'challenge.path': '/challenge',
      'challenge.auth-request': `http://127.0.0.1:${PORTS.auth}/basic`,
      'down.host': 'app.example',
      'down.path': '/down',
      'down.auth-request': `http://127.0.0.1:${DEAD}`,
    }),
  );
  const stranger = await fetched('app.example', '/a?b=c');
  assert.equal(stranger.status, 302);
  assert.match(
    stranger.headers,
    /^location: https:\/\/login\.example\/\?rd=http%3A%2F%2Fapp\.example%2Fa%3Fb%3Dc\r?$/im,
  );
  const alice = await fetched('app.example', '/', '-b', 'session=ok', '-d', 'body');
  assert.equal(alice.status, 200);
  const cookies = [...alice.headers.matchAll(/^set-cookie: (.*?)\r?$/gim)].map(
    ([, value]) => value,
  );
  // nginx.org, CHANGES of 1.23.0: headers of one name are joined since then; before, the first is all.
  const joined = Number(/nginx\/1\.(\d+)/.exec((await run('nginx', ['-v'])).stderr)?.[1]) >= 23;
  assert.deepEqual(cookies, AUTH_COOKIES.slice(0, joined ? 4 : 1));
  const echo: Echo = JSON.parse(alice.body);
  assert.equal(echo.bytes, 4, 'the body is for the container, not for the endpoint');
  assert.equal(echo.headers['remote-user'], 'alice');
  assert.equal(echo.headers['remote-groups'], 'staff,ops');
  assert.equal((await fetched('app.example', '/', '-b', 'session=deny')).status, 403);
  const spoofed = await echoed('app.example', '/open', '-H', 'Remote-User: root');
  assert.equal(spoofed.headers['remote-user'], undefined, 'nobody but the endpoint names a user');
  const challenged = await fetched('app.example', '/challenge');
  assert.equal(challenged.status, 401);
  assert.match(challenged.headers, /^www-authenticate: Basic realm="lab"\r?$/im);
  assert.equal((await fetched('app.example', '/down', '-b', 'session=ok')).status, 500);
  assert.equal((await fetched('app.example', '/.portcullis/auth/0')).status, 404);
});

test('a request line that names one site and a Host that names another: only the first is believed', async () => {
  await served(
    one({
      'private.host': 'app.example',
      'private.auth-request': `http://127.0.0.1:${PORTS.auth}/verify`,
      'open.host': 'app.example',
      'open.path': '/open',
    }),
  );
  const target = (path: string): string[] => ['--request-target', `http://app.example${path}`];
  const asked = await fetched('public.example', '/', ...target('/a'));
  assert.match(asked.headers, /^location: .*rd=http%3A%2F%2Fapp\.example%2Fa\r?$/im);
  const { headers } = await echoed('public.example:8080', '/', ...target('/open'));
  assert.equal(headers['host'], 'app.example:8080');
  assert.equal(headers['x-forwarded-host'], 'app.example:8080');
});

test('rate and burst: what is above them gets 429, another site is untouched', async () => {
  const slow = { host: 'slow.example', rate: '1r/s', burst: '2', group: 'slow' };
  await served(
    one(slow),
    { name: 'replica', port: 1402, labels: slow },
    { name: 'other', port: 1402, labels: { host: 'other.example' } },
  );
  const statuses: number[] = [];
  for (let count = 0; count < 6; count += 1) statuses.push((await fetched('slow.example')).status);
  assert.deepEqual(statuses.slice(0, 3), [200, 200, 200]);
  assert.ok(statuses.slice(3).includes(429), statuses.join());
  assert.equal((await echoed('other.example')).port, 1402);
});

test('templates: one for a container, an unknown one, one that does not compile', async () => {
  await put(
    at('templates', 'tagged.conf.ejs'),
    `server {
<% for (const listen of site.listens) { %>    listen<% for (const word of listen) { %> <%= word %><% } %>;
<% } %>    server_name <%= site.host %>;
    return 200 tagged;
}
`,
  );
  await put(at('templates', 'broken.conf.ejs'), 'server { <%= site.host }\n');
  await put(at('templates', 'raw.conf.ejs'), 'server { listen <%- site.host %>; }\n');
  const { code, stderr } = await serve(
    { name: 'a', port: 1401, labels: { host: 'a.example', template: 'tagged' } },
    { name: 'b', port: 1402, labels: { host: 'b.example' } },
    { name: 'c', port: 1403, labels: { host: 'c.example', template: 'none' } },
    { name: 'd', port: 1404, labels: { host: 'd.example', template: 'broken' } },
    { name: 'e', port: 1405, labels: { host: 'e.example', template: 'raw' } },
  );
  assert.equal(code, 4, stderr);
  assert.match(stderr, /asks for the template none, but template_dir has no none\.conf\.ejs/);
  assert.match(stderr, /asks for the template broken, but broken\.conf\.ejs does not compile: /);
  assert.match(stderr, /asks for the template raw, but raw\.conf\.ejs:1: raw output/);
  assert.equal((await fetched('a.example')).body, 'tagged');
  assert.equal((await echoed('b.example')).port, 1402);
  assert.equal((await fetched('d.example')).status, 0);
  for (const name of ['tagged', 'broken', 'raw']) await rm(at('templates', `${name}.conf.ejs`));
});

test('snippets: for one site, for all others, for locations; a broken one harms its own site only', async () => {
  await put(at('snippets', 'default.conf'), 'add_header X-Snippet default;\n');
  await put(
    at('snippets', 'a.example.conf'),
    `# of a
add_header X-Snippet "a $host";
location ~ ^/only\\.a$ { if ($arg_x = "1 2") { return 204; } return 200 "it's; {a}"; }
`,
  );
  await put(at('snippets', 'b.example.location.conf'), 'add_header X-Location $uri;\n');
  await put(at('snippets', 'c.example.conf'), 'location / {\n  return 200;\n');
  const { code, stderr } = await serve(
    { name: 'a', port: 1401, labels: { host: 'a.example' } },
    { name: 'b', port: 1402, labels: { host: 'b.example' } },
    { name: 'c', port: 1403, labels: { host: 'c.example' } },
  );
  assert.equal(code, 4, stderr);
  assert.match(
    stderr,
    /c.*snippet that is not whole: .*c\.example\.conf:\d+: unexpected end of file/,
  );
  assert.match((await fetched('a.example')).headers, /^x-snippet: a a\.example\r?$/im);
  assert.equal((await fetched('a.example', '/only.a')).body, "it's; {a}");
  assert.equal((await fetched('a.example', '/only.a?x=1%202')).status, 200);
  assert.match((await fetched('b.example', '/x')).headers, /^x-location: \/x\r?$/im);
  assert.equal((await fetched('c.example')).status, 0);
  // A snippet that changes is a site that changes.
  await put(at('snippets', 'a.example.conf'), 'add_header X-Snippet changed;\n');
  await rm(at('snippets', 'c.example.conf'));
  await served(
    { name: 'a', port: 1401, labels: { host: 'a.example' } },
    { name: 'c', port: 1403, labels: { host: 'c.example' } },
  );
  assert.match((await fetched('a.example')).headers, /^x-snippet: changed\r?$/im);
  assert.match((await fetched('c.example')).headers, /^x-snippet: default\r?$/im);
  for (const name of ['default.conf', 'a.example.conf', 'b.example.location.conf']) {
    await rm(at('snippets', name));
  }
});

test('a container that does not answer: a page with Retry-After; its own errors stay its own', async () => {
  await served(
    { name: 'web', port: 1401, labels: { host: 'web.example' } },
    { name: 'dead', port: DEAD, labels: { host: 'dead.example' } },
  );
  const dead = await fetched('dead.example');
  assert.equal(dead.status, 503);
  assert.match(dead.headers, /^retry-after: 5\r?$/im);
  assert.match(dead.headers, /^content-type: text\/html/im);
  assert.match(dead.body, /Back in a moment/);
  assert.equal((await fetched('dead.example', '/', '-X', 'POST', '-d', 'x')).status, 503);
  const own = await fetched('web.example', '/fail');
  assert.deepEqual([own.status, own.body], [502, 'my own 502']);
  await put(
    at('templates', 'maintenance.html.ejs'),
    `<p title="a 'b' {c}; $d \${e}">again in <%= page.retryAfter %> s — ü</p>\n`,
  );
  await served({ name: 'dead', port: DEAD, labels: { host: 'dead.example' } });
  assert.equal(
    (await fetched('dead.example')).body,
    `<p title="a 'b' {c}; $d \${e}">again in 5 s — ü</p>`,
  );
  await put(at('templates', 'maintenance.html.ejs'), 'x'.repeat(5_000));
  const tooLong = await serve({ name: 'dead', port: DEAD, labels: { host: 'dead.example' } });
  assert.equal(tooLong.code, 1);
  assert.match(tooLong.stderr, /maintenance\.html\.ejs: the page has 5000 bytes/);
  await rm(at('templates', 'maintenance.html.ejs'));
});

test('access log: text, JSON, and off for one site', async () => {
  const log = at('access.log');
  const services = [
    { name: 'web', port: 1401, labels: { host: 'web.example' } },
    { name: 'quiet', port: 1402, labels: { host: 'quiet.example', 'access-log': 'off' } },
  ];
  for (const format of ['text', 'json'] as const) {
    writeFileSync(log, '');
    await settings(`, access_log: ${log}, log_format: ${format}`);
    await served(...services);
    assert.equal((await fetched('web.example', '/x', '-A', 'a "b"')).status, 200);
    assert.equal((await fetched('quiet.example', '/y')).status, 200);
    const lines = async (): Promise<readonly string[]> =>
      (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
    await waitUntil('a line is written', async () => (await lines()).length > 0);
    const [line = '', ...more] = await lines();
    assert.deepEqual(more, [], 'the quiet site is not in it');
    if (format === 'text') {
      assert.match(line, /^198\.51\.100\.10 - - \[.*\] web\.example "GET \/x HTTP\/1\.1" 200 /);
      assert.match(line, / 127\.0\.0\.1:1401 lab-web-1 200 [\d.]+ [\d.]+$/);
    } else {
      const entry = JSON.parse(line);
      assert.deepEqual(
        [entry.client, entry.host, entry.uri, entry.status, entry.user_agent],
        [OUTSIDE_V4, 'web.example', '/x', 200, 'a "b"'],
      );
      assert.deepEqual([entry.upstream, entry.container], ['127.0.0.1:1401', 'lab-web-1']);
    }
  }
  await settings();
});

test('client addresses: nobody is believed, a trusted proxy is, and the PROXY protocol', async () => {
  const web = { name: 'web', port: 1401, labels: { host: 'web.example' } };
  const forged = [
    ...['-H', 'X-Forwarded-For: 9.9.9.9', '-H', 'X-Forwarded-Proto: https'],
    ...['-H', 'X-Forwarded-Port: 8443', '-H', 'Proxy: http://evil.example'],
  ];
  const seen = async (...args: readonly string[]): Promise<readonly (string | undefined)[]> => {
    const { headers } = await echoed('web.example', '/', ...args);
    return ['x-real-ip', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'proxy'].map(
      (name) => headers[name],
    );
  };
  await served(web);
  assert.deepEqual(await seen(...forged), [OUTSIDE_V4, OUTSIDE_V4, 'http', '80', undefined]);
  await settings(', trusted_proxies: [203.0.113.0/24]');
  await served(web);
  assert.deepEqual(await seen(...forged), [OUTSIDE_V4, OUTSIDE_V4, 'http', '80', undefined]);
  await settings(`, trusted_proxies: [${OUTSIDE_V4}/32]`);
  await served(web);
  assert.deepEqual(await seen(...forged), ['9.9.9.9', '9.9.9.9', 'https', '8443', undefined]);
  await settings(', proxy_protocol: true');
  const refused = await serve(web);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /nginx\.proxy_protocol.*needs nginx\.trusted_proxies/);
  await settings(`, proxy_protocol: true, trusted_proxies: [${OUTSIDE_V4}/32]`);
  await served(web);
  const [real] = await seen('--haproxy-protocol');
  assert.equal(real, OUTSIDE_V4);
  assert.equal((await fetched('web.example')).status, 0, 'without the PROXY header no answer');
  await settings();
  await served(web);
});

test('TLS upstreams: the certificate is checked by default, for name and authority', async () => {
  const cases: readonly (readonly [title: string, labels: Labels, status: number])[] = [
    ['by default', {}, 503],
    ['with its authority, under another name', { 'upstream-ca': 'internal' }, 503],
    [
      'with its authority and name',
      { 'upstream-ca': 'internal', 'upstream-name': 'internal.example' },
      200,
    ],
    [
      'with another name than it has',
      { 'upstream-ca': 'internal', 'upstream-name': 'x.example' },
      503,
    ],
    ['without a check', { 'upstream-verify': 'off' }, 200],
  ];
  for (const [title, labels, status] of cases) {
    await served(one({ host: 'web.example', scheme: 'https', ...labels }, PORTS.https));
    assert.equal((await fetched('web.example')).status, status, title);
  }
  const missing = await serve(one({ scheme: 'https', 'upstream-ca': 'nobody' }, PORTS.https));
  assert.equal(missing.code, 4);
  assert.match(missing.stderr, /upstream-ca nobody, but tls\.ca_dir has no nobody\.crt or \.pem/);
});

const client = async (...args: readonly string[]): Promise<string> =>
  (await stage.lab.outside.run([process.execPath, CLIENT, ...args])).stdout.trim();

test('WebSocket, with no label, also for longer than no byte is sent', async () => {
  await served(one({ host: 'web.example' }));
  assert.equal(await client('websocket', `${HOST_V4}:80`, 'web.example', 'hello'), 'hello');
  const h2c = ['-H', 'Connection: Upgrade, HTTP2-Settings', '-H', 'Upgrade: h2c'];
  const { headers } = await echoed('web.example', '/', ...h2c, '-H', 'HTTP2-Settings: AAMAAABk');
  assert.equal(headers['upgrade'], undefined, 'no way past access rules');
  assert.notEqual(headers['connection'], 'upgrade');
});

test('gRPC and gRPC over TLS to the container, by a gRPC client over TLS', async () => {
  await served(
    { name: 'g', port: PORTS.grpc, labels: { host: 'grpc.example', scheme: 'grpc' } },
    {
      name: 's',
      port: PORTS.grpcs,
      labels: {
        ...{ host: 'grpcs.example', scheme: 'grpcs' },
        ...{ 'upstream-ca': 'internal', 'upstream-name': 'internal.example' },
      },
    },
  );
  assert.equal(await client('grpc', `${HOST_V4}:443`, 'grpc.example', 'hi'), `${PORTS.grpc}: hi`);
  assert.equal(await client('grpc', `${HOST_V4}:443`, 'grpcs.example', 'hi'), `${PORTS.grpcs}: hi`);
});

test('server-sent events arrive one by one with buffering off', async () => {
  await served(one({ host: 'web.example', buffering: 'off' }));
  const early = await fetched('web.example', '/events', '-N', '--max-time', '1');
  assert.match(early.body, /^data: first\n\n$/);
  const all = await fetched('web.example', '/events', '-N');
  assert.equal(all.body, 'data: first\n\ndata: second\n\n');
});

test('large uploads and long polls: as far as max-body and timeout say', async () => {
  const file = at('large');
  writeFileSync(file, Buffer.alloc(3 * 2 ** 20));
  const upload = ['-X', 'POST', '-H', 'Expect:', '--data-binary', `@${file}`];
  await served(one({ host: 'web.example' }));
  assert.equal((await fetched('web.example', '/', ...upload)).status, 413);
  assert.equal((await echoed('web.example', '/slow')).url, '/slow');
  await served(one({ host: 'web.example', 'max-body': '10m', timeout: '1s' }));
  assert.equal((await echoed('web.example', '/', ...upload)).bytes, 3 * 2 ** 20);
  assert.equal((await fetched('web.example', '/slow')).status, 504);
  await served(one({ host: 'web.example', 'max-body': '0', buffering: 'off' }));
  assert.equal((await echoed('web.example', '/', ...upload)).bytes, 3 * 2 ** 20);
});
