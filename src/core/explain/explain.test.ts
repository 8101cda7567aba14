import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoutePlan } from '../routes-model.ts';
import { container } from '../testing/container.ts';
import {
  decisionSteps,
  healthStep,
  labelSteps,
  requestStep,
  traceTexts,
  type Live,
  type LiveContext,
} from './explain-text.ts';
import { nearest, subjectsOf } from './subject.ts';
import { decisive, ownerOf, traceSteps } from './trace-lines.ts';

const TRACE = `trace id 2f inet portcullis_trace early packet: iif "pcs1" ip saddr 198.18.1.2 tcp dport 8080
trace id 2f inet portcullis_trace early rule iifname "pcs1" meta nftrace set 1 (verdict continue)
trace id 2f ip nat PREROUTING rule fib daddr type local counter packets 3 bytes 9 jump DOCKER (verdict jump DOCKER)
trace id 2f ip filter FORWARD policy accept
trace id 2f inet portcullis host_gate rule counter packets 0 bytes 0 drop (verdict drop)`;

test('traceSteps(): what decided or led on, without our own mark', () => {
  const steps = traceSteps(TRACE, 'inet portcullis_trace');
  assert.deepEqual(
    steps.map(({ table, chain, rule, verdict }) => [table, chain, rule, verdict]),
    [
      ['ip nat', 'PREROUTING', 'fib daddr type local jump DOCKER', 'jump DOCKER'],
      ['ip filter', 'FORWARD', 'policy', 'accept'],
      ['inet portcullis', 'host_gate', 'drop', 'drop'],
    ],
  );
  assert.equal(decisive(steps)?.chain, 'host_gate');
  assert.match(
    traceTexts(8080, steps)[1]?.text ?? '',
    /^chain host_gate .* \(Portcullis\) dropped it: drop$/,
  );
  assert.match(
    traceTexts(8080, [])
      .map(({ text }) => text)
      .join(),
    /met no rule/,
  );
});

for (const [table, chain, owner] of [
  ['inet portcullis', 'forward', 'Portcullis'],
  ['ip mangle', 'PORTCULLIS-FWD', 'Portcullis'],
  ['ip filter', 'DOCKER-USER', 'Docker'],
  ['ip filter', 'ufw-before-input', 'ufw'],
  ['inet firewalld', 'filter_INPUT', 'firewalld'],
  ['ip filter', 'FORWARD', 'somebody else, or the host itself'],
] as const) {
  test(`ownerOf(): ${table} ${chain}`, () => assert.equal(ownerOf({ table, chain }), owner));
}

const plan: RoutePlan = {
  sites: [
    { host: 'shop.example', owner: 'x', redirectFrom: ['www.shop.example'], routes: [] },
    { host: '*.app.example', owner: 'x', redirectFrom: [], routes: [] },
  ],
  rejected: [
    { host: 'lost.example', path: '/', container: 'x', id: 'x', address: '', reason: 'a conflict' },
  ],
  problems: [],
};
const containers = [
  container('shop', { ports: ['8080:80'] }),
  container('8080'),
  container('metrics', {
    networkMode: 'host',
    exposed: [{ containerPort: 9100, protocol: 'tcp' }],
  }),
];

for (const [asked, expected] of [
  ['shop', ['container']],
  ['shop.example', ['host']],
  ['WWW.shop.example', ['host']],
  ['x.app.example', ['host']],
  ['lost.example', ['host']],
  ['8080', ['container', 'port']],
  ['9100', ['port']],
  ['99999', []],
  ['shap', []],
] as const) {
  test(`subjectsOf(): ${asked}`, () => {
    assert.deepEqual(
      subjectsOf(asked, { containers, plan }).map(({ kind }) => kind),
      expected,
    );
  });
}

test('nearest(): the names that look most like it', () => {
  assert.equal(nearest('shap', { containers, plan })[0], 'shop');
});

const AUTH = { authRequest: 'http://127.0.0.1:9091/verify' };
const CONTEXT: LiveContext = {
  scheme: 'http',
  address: '127.0.0.1:80',
  deadUpstream: undefined,
  waiting: false,
  allow: [],
  authRequest: undefined,
  isLive: true,
};
const requests: readonly (readonly [Live, Partial<LiveContext>, RegExp])[] = [
  [{ status: 200 }, {}, /: 200$/],
  [{ status: 503 }, { deadUpstream: '127.0.0.1:1' }, /503: .* nothing listens on 127\.0\.0\.1:1/],
  [{ status: 502 }, {}, /502: the container itself .* its log/],
  [{ status: 429 }, {}, /429: the rate/],
  [{ status: 503 }, { waiting: true }, /503: no container .* is ready/],
  [{ status: 503 }, {}, /503: the upstream failed, or the container itself says so/],
  [{ status: 403 }, { allow: ['192.0.2.0/24'] }, /403: .*192\.0\.2\.0\/24/],
  [{ status: 403 }, {}, /403: the container itself/],
  [{ status: 401 }, {}, /auth-basic/],
  [{ status: 200 }, { scheme: 'https' }, /^GET https:\/\/a\.example\/ /],
  [{ status: 302 }, AUTH, /302: http:\/\/127\.0\.0\.1:9091\/verify .* asks for a login/],
  [{ status: 302 }, {}, /: 302$/],
  [{ status: 401 }, AUTH, /401: http:\/\/127\.0\.0\.1:9091\/verify .* asks for a login/],
  [{ status: 403 }, AUTH, /403: http:\/\/127\.0\.0\.1:9091\/verify refuses/],
  [{ status: 500 }, AUTH, /500: http:\/\/127\.0\.0\.1:9091\/verify .* does not answer/],
  [{ status: 500 }, {}, /500: the container itself/],
  [{ status: 504 }, {}, /timeout/],
  [{ failed: 'closed' }, { isLive: false }, /444.*portcullis generate/],
  [{ failed: 'closed' }, {}, /444.*portcullis doctor/],
  [{ failed: 'refused' }, {}, /systemctl start nginx/],
  [{ failed: 'silent' }, {}, /hangs/],
];
for (const [live, context, says] of requests) {
  test(`requestStep(): ${JSON.stringify(live)} ${JSON.stringify(context)}`, () => {
    assert.match(requestStep('a.example', live, { ...CONTEXT, ...context }).text, says);
  });
}

const nothing = {
  served: [],
  rejected: [],
  problems: [],
  discovery: 'labelled',
  prefix: 'portcullis',
};
for (const [title, changes, says] of [
  ['no label', { labels: {} }, /has no "portcullis\." label/],
  ['switched off', { labels: { 'portcullis.enable': 'false' } }, /portcullis\.enable is false/],
  ['stopped', { state: 'exited' }, /it is exited/],
  ['no port', {}, /publishes no port/],
] as const) {
  test(`decisionSteps(): ${title}`, () => {
    assert.match(decisionSteps(container('web', changes), nothing)[0]?.text ?? '', says);
  });
}

test('decisionSteps(): a rejected route is told once, with its reason', () => {
  const web = container('web');
  const reason = 'asks for a.example/, which is taken';
  const rejected = [
    { host: 'a.example', path: '/', container: 'web', id: web.id, address: '', reason },
  ];
  const problems = [{ container: 'web', label: '', reason }];
  assert.deepEqual(
    decisionSteps(web, { ...nothing, rejected, problems }).map(({ text }) => text),
    [`a.example/ is rejected: ${reason}`],
  );
});

test('healthStep(): one that does not run has no health', () => {
  assert.equal(
    healthStep(container('web', { state: 'exited', health: 'healthy' })).text,
    'it is exited',
  );
  assert.match(healthStep(container('web', { health: 'unhealthy' })).text, /no traffic/);
});

for (const [title, labels, told] of [
  ['one of ours', { 'portcullis.port': '80' }, ['portcullis.port = "80"']],
  [
    'a prefix with a slip',
    { 'portculis.host': 'a.example' },
    ['no label begins with "portcullis."', 'portculis.host is not read; is portcullis.host meant?'],
  ],
] as const) {
  test(`labelSteps(): ${title}`, () => {
    const steps = labelSteps(container('web', { labels }), 'portcullis');
    assert.deepEqual(
      steps.map(({ text }) => text),
      told,
    );
  });
}
