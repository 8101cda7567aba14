/**
 * What users of nginx-proxy rely on, one line a case, named after the test of its suite that holds
 * it there (nginx-proxy, test/). What needs containers that come and go is in serve.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makePair } from '../lab/certificates.ts';
import { put } from '../lab/files.ts';
import { HOST_V4, HOST_V6 } from '../lab/lab.ts';
import { DEAD, openProxyStage, type ProxyStage, type Service } from '../lab/proxy-stage.ts';

let stage: ProxyStage;
before(async () => {
  stage = await openProxyStage();
  await put(stage.at('htpasswd', 'team'), 'ann:{PLAIN}secret\n');
  await put(stage.at('snippets', 'tagged.example.conf'), 'add_header X-Tag one;\n');
});
after(() => stage.lab.close());

const web = (port: number, labels: Service['labels']): Service => ({
  name: `web${port}`,
  port,
  labels,
});

/** 0: the connection is closed without an answer, or refused. A port: its server answers with 200. */
type Expected = number;
type Request = readonly [url: string, expected: Expected, ...args: string[]];
type Case = {
  readonly name: string;
  readonly services: readonly Service[];
  readonly requests: readonly Request[];
};

const A = web(1401, { host: 'web1.example' });
const B = web(1402, { host: 'web2.example' });

const CASES: readonly Case[] = [
  {
    name: 'test_nominal: an unknown host reaches nobody',
    services: [A, B],
    requests: [
      ['http://unknown.example/', 0],
      [`http://${HOST_V4}/`, 0],
    ],
  },
  {
    name: 'test_nominal: two hosts reach their own port only',
    services: [A, B],
    requests: [
      ['http://web1.example/', 1401],
      ['http://web2.example/', 1402],
    ],
  },
  {
    name: 'test_nominal: IPv6 as configured',
    services: [A],
    requests: [['http://web1.example/', 1401, '--resolve', `web1.example:80:[${HOST_V6}]`]],
  },
  {
    name: 'test_virtual-path: by path, what no path takes is 404, a path means whole parts',
    services: [
      web(1401, { host: 'path.example', path: '/web1' }),
      web(1402, { host: 'path.example', path: '/web2/deep' }),
    ],
    requests: [
      ['http://path.example/web1', 1401],
      ['http://path.example/web1/x', 1401],
      ['http://path.example/web2/deep/x', 1402],
      ['http://path.example/web2', 404],
      ['http://path.example/web10', 404],
      ['http://path.example/', 404],
    ],
  },
  {
    name: 'test_virtual-path: the longest path first, whatever their order',
    services: [
      web(1401, { host: 'path.example' }),
      web(1402, { host: 'path.example', path: '/a' }),
      web(1403, { host: 'path.example', path: '/a/b' }),
    ],
    requests: [
      ['http://path.example/x', 1401],
      ['http://path.example/a/x', 1402],
      ['http://path.example/a/b/x', 1403],
    ],
  },
  {
    name: 'test_multiple-hosts: a comma list, every name served',
    services: [web(1401, { host: 'a.example, b.example' })],
    requests: [
      ['http://a.example/', 1401],
      ['http://b.example/', 1401],
      ['http://c.example/', 0],
    ],
  },
  {
    name: 'test_wildcard-host: names below it, not itself, an exact one first',
    services: [web(1401, { host: '*.wild.example' }), web(1402, { host: 'exact.wild.example' })],
    requests: [
      ['http://a.wild.example/', 1401],
      ['http://a.b.wild.example/', 1401],
      ['http://exact.wild.example/', 1402],
      ['http://wild.example/', 0],
      ['http://xwild.example/', 0],
    ],
  },
  {
    name: 'test_raw-ip-vhost: addresses as hosts, IPv6 in brackets',
    services: [web(1401, { host: HOST_V4 }), web(1402, { host: `[${HOST_V6}]` })],
    requests: [
      [`http://${HOST_V4}/`, 1401],
      [`http://[${HOST_V6}]/`, 1402],
    ],
  },
  {
    name: 'test_ports: without a host, the name is made from the published port',
    services: [web(1401, { enable: 'true' })],
    requests: [
      ['http://service-1401.example.com/', 1401],
      ['http://service-80.example.com/', 0],
    ],
  },
  {
    name: 'test_multiports: several hosts and paths from one container',
    services: [
      web(1401, {
        'web.host': 'multi.example',
        'api.host': 'multi.example',
        'api.path': '/api',
        'admin.host': 'admin.example',
      }),
    ],
    requests: [
      ['http://multi.example/', 1401],
      ['http://multi.example/api/x', 1401],
      ['http://admin.example/', 1401],
    ],
  },
  {
    name: 'test_server-down: a container that does not answer is 503, the others go on',
    services: [web(DEAD, { host: 'down.example' }), A],
    requests: [
      ['http://down.example/', 503],
      ['http://web1.example/', 1401],
    ],
  },
  {
    name: 'test_loadbalancing: a replica that does not answer is passed over, each request is answered',
    services: [
      web(DEAD, { host: 'many.example', group: 'many' }),
      web(1401, { host: 'many.example', group: 'many' }),
    ],
    requests: Array.from({ length: 6 }, (): Request => ['http://many.example/', 1401]),
  },
  {
    name: 'test_internal: a list of networks, all else is 403; for one path only',
    services: [
      web(1401, { host: 'inside.example', allow: '198.51.100.0/24' }),
      web(1402, { host: 'elsewhere.example', allow: '10.0.0.0/8' }),
      web(1403, { host: 'inside.example', path: '/private', allow: '10.0.0.0/8' }),
    ],
    requests: [
      ['http://inside.example/', 1401],
      ['http://elsewhere.example/', 403],
      ['http://inside.example/private', 403],
    ],
  },
  {
    name: 'test_htpasswd: 401, then 200; for one path only',
    services: [
      web(1401, { host: 'basic.example', 'auth-basic': 'team' }),
      web(1402, { host: 'basic.example', path: '/open' }),
    ],
    requests: [
      ['http://basic.example/', 401],
      ['http://basic.example/', 401, '-u', 'ann:wrong'],
      ['http://basic.example/', 1401, '-u', 'ann:secret'],
      ['http://basic.example/open', 1402],
    ],
  },
  {
    name: 'test_default-host: redirect-from sends a name to its host, with the path',
    services: [web(1401, { host: 'main.example', 'redirect-from': 'www.main.example' })],
    requests: [
      ['http://www.main.example/a?b', 301],
      ['http://main.example/', 1401],
    ],
  },
];

async function statusOf([url, , ...args]: Request): Promise<Expected> {
  const { hostname, port, protocol } = new URL(url);
  const resolve = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}:${HOST_V4}`;
  const own = args.includes('--resolve') || /^[[\d]/.test(hostname) ? [] : ['--resolve', resolve];
  const { stdout } = await stage.lab.outside.run([
    ...['curl', '-sgk', '--max-time', '5', ...own, ...args],
    ...['-w', '\n%{http_code}', url],
  ]);
  const [body = '', status = ''] = stdout.split(/\n(?=\d+$)/);
  return status === '200' ? Number(JSON.parse(body).port) : Number(status);
}

async function answers({ name, services, requests }: Case): Promise<void> {
  await stage.served(...services);
  for (const request of requests) {
    assert.equal(await statusOf(request), request[1], `${name}: ${request[0]}`);
  }
}

for (const each of CASES) test(each.name, () => answers(each));

test('test_multiports-invalid-syntax: a wrong label takes its own container out', async () => {
  const { code, stderr } = await stage.serve(A, web(1402, { host: 'bad host' }));
  assert.equal(code, 4);
  assert.match(stderr, /container lab-web1402-1: label portcullis\.host /);
  assert.equal(await statusOf(['http://web1.example/', 1401]), 1401);
});

test('test_loadbalancing: round robin alternates, ip_hash stays', async () => {
  const both = (balance: string): readonly Service[] =>
    [1401, 1402].map((port) => web(port, { host: 'many.example', group: 'many', balance }));
  const met = async (): Promise<readonly number[]> => {
    const ports: number[] = [];
    for (let count = 0; count < 10; count += 1) {
      ports.push((await stage.echoed('many.example')).port);
    }
    return ports;
  };
  await stage.served(...both('round_robin'));
  assert.deepEqual(
    (await met()).toSorted((a, b) => a - b),
    [...Array(5).fill(1401), ...Array(5).fill(1402)],
  );
  await stage.served(...both('ip_hash'));
  assert.equal(new Set(await met()).size, 1);
});

test('a request that is not idempotent is never sent twice', async () => {
  // The server takes the connection and breaks it: Nginx cannot know how far the request came.
  // A server that breaks a request gets none for a while, so each method has servers of its own.
  const hosts = ['get', 'post'].flatMap((group) =>
    [1401, 1402].map((port) => ({
      name: `${group}-${port}`,
      port,
      labels: { host: `${group}.example`, group },
    })),
  );
  await stage.served(...hosts);
  const seen = async (method: string): Promise<number> => {
    const id = `${method}-${Math.random()}`;
    await stage.fetched(
      `${method.toLowerCase()}.example`,
      `/break?${id}`,
      '-X',
      method,
      '--max-time',
      '3',
    );
    const asked = await Promise.all(
      [1401, 1402].map(async (port) => {
        const answer = await stage.lab.host.ok(['curl', '-s', `http://127.0.0.1:${port}/broken`]);
        return answer.split('\n').filter((line) => line.includes(id)).length;
      }),
    );
    return asked.reduce((sum, count) => sum + count, 0);
  };
  assert.equal(await seen('GET'), 2, 'a GET is tried at the other replica');
  assert.equal(await seen('POST'), 1);
});

test('test_fallback: hosts with a certificate, without one, HTTPS only, and unknown', async () => {
  await makePair(stage.at('certs'), { name: 'exact', hosts: 'both.example only.example' });
  await makePair(stage.at('certs'), { name: 'wild', hosts: '*.wild.example' });
  await makePair(stage.at('certs'), { name: 'gone', hosts: 'expired.example', days: -1 });
  const { code, stderr } = await stage.serve(
    web(1401, { host: 'both.example' }),
    web(1402, { host: 'plain.example' }),
    web(1403, { host: 'only.example', tls: 'only' }),
    { name: 'no-pair', port: 1404, labels: { host: 'nopair.example', tls: 'only' } },
    { name: 'expired', port: 1401, labels: { host: 'expired.example' } },
    { name: 'one', port: 1402, labels: { host: 'a.wild.example' } },
    { name: 'two', port: 1403, labels: { host: 'a.b.wild.example' } },
    { name: 'off', port: 1401, labels: { host: 'off.wild.example', tls: 'off' } },
  );
  assert.equal(code, 4);
  assert.match(stderr, /no-pair.*asks for nopair\.example over HTTPS only/);
  assert.match(stderr, /expired.*served over HTTP only/);
  const rows: readonly Request[] = [
    ['http://both.example/', 301],
    ['https://both.example/', 1401],
    ['http://plain.example/', 1402],
    ['https://plain.example/', 0],
    ['http://only.example/', 301],
    ['http://only.example/', 308, '-d', 'x'],
    ['https://only.example/', 1403],
    ['http://nopair.example/', 0],
    ['https://nopair.example/', 0],
    ['http://expired.example/', 1401],
    ['https://expired.example/', 0],
    ['https://a.wild.example/', 1402],
    ['http://a.b.wild.example/', 1403],
    ['https://a.b.wild.example/', 0],
    ['http://off.wild.example/', 1401],
    ['https://off.wild.example/', 0],
    ['http://unknown.example/', 0],
    ['https://unknown.example/', 0],
  ];
  for (const row of rows) assert.equal(await statusOf(row), row[1], row[0]);
});

test('test_custom: a snippet hits its own host only', async () => {
  await stage.served(A, web(1402, { host: 'tagged.example' }));
  assert.match((await stage.fetched('tagged.example')).headers, /^x-tag: one\r?$/im);
  assert.doesNotMatch((await stage.fetched('web1.example')).headers, /x-tag/i);
});
