/**
 * Hostile Docker answers, and what must hold whatever they are: exactly the sites that were meant, no
 * directive outside its own block, no firewall rule that a name has made, nothing that a terminal obeys.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { contentHash } from '../../src/adapters/content-hash.ts';
import { readTree } from '../../src/adapters/nginx-tree.ts';
import { loadTemplates } from '../../src/adapters/templates.ts';
import { createSiteRenderer } from '../../src/app/site-renderer.ts';
import type { BlockNode } from '../../src/core/block-tree.ts';
import { containerRoutes } from '../../src/core/container-routes.ts';
import { readContainers } from '../../src/core/docker/detect-shape.ts';
import { ShapeError } from '../../src/core/docker/reader.ts';
import { buildGeneration } from '../../src/core/generation.ts';
import { optionNames } from '../../src/core/labels/options.ts';
import type { Container } from '../../src/core/model.ts';
import { readNameService } from '../../src/core/name-service.ts';
import { readBlocks } from '../../src/core/nginx-blocks.ts';
import { problemText } from '../../src/core/problem-text.ts';
import type { Site } from '../../src/core/routes-model.ts';
import { planRoutes } from '../../src/core/routes.ts';
import { settingsSchema } from '../../src/core/settings-schema.ts';
import { refusing } from '../../src/core/site-inputs.ts';
import type { ListenSettings } from '../../src/core/site-view.ts';
import { certificateChooser, type CertificatePair } from '../../src/core/tls/site-tls.ts';
import { checkRules, networks } from './networks.ts';
import { checkOutputs } from './outputs.ts';
import { anyText, mostly, seldom, UNSAFE, wrongly } from './texts.ts';
import { certificates, checkCertificates } from './certificates.ts';

const settings = settingsSchema.parse({});
const templates = await loadTemplates('');
const NAMES = readNameService('192.0.2.77 auth.lan\n::77 auth.lan', 'nameserver 192.0.2.53');
const PLAIN: ListenSettings = {
  port: 80,
  ipv6: true,
  authDir: '/etc/portcullis/htpasswd',
  acmeDir: '/var/lib/portcullis/acme',
  maintenancePage: templates.maintenance(),
  inputs: {
    templates: templates.names,
    authorities: new Map(),
    systemAuthorities: '/etc/ssl/certs/ca-certificates.crt',
    snippets: new Map(),
    names: NAMES,
  },
};

const withCertificates = (pairs: readonly CertificatePair[]): ListenSettings => ({
  ...PLAIN,
  tls: {
    ...{ port: 443, redirect: true, hsts: '', http2: 'listen', http3: false },
    proxyProtocol: false,
    certificateOf: certificateChooser(pairs, 1e12),
  },
});

/** What is right, now and then, so that hostile values meet containers that are served. */
const FINE: Readonly<Record<string, readonly string[]>> = {
  host: ['a.example', 'b.example', '*.c.example', 'a.example,d.example', '[2001:db8::1]'],
  path: ['/', '/api', '/a/b', '/.portcullisx', '/.well-known/x'],
  port: ['80'],
  'strip-prefix': ['true', 'false'],
  scheme: ['http', 'https', 'grpc', 'grpcs'],
  allow: ['10.0.0.0/8', '::/0, 192.0.2.1'],
  'auth-basic': ['team'],
  'auth-request': [
    'http://127.0.0.1:9091/verify',
    'https://auth.example',
    'http://auth.lan:9091/a',
    'https://auth.lan',
  ],
  rate: ['10r/s'],
  burst: ['5'],
  'max-body': ['10m'],
  timeout: ['30s'],
  buffering: ['off'],
  balance: ['ip_hash', 'least_conn'],
  group: ['g'],
  'redirect-from': ['www.a.example', 'b.example'],
  public: ['true', '80/tcp'],
  'public-from': ['192.0.2.0/24'],
  'upstream-verify': ['off'],
  'upstream-name': ['internal.example'],
  'access-log': ['off'],
};

const label = fc.constantFrom(...optionNames).chain((option) =>
  fc
    .record({
      route: fc.constantFrom('', '', 'web.', 'x-y_1.'),
      value: fc.oneof(
        { weight: 15, arbitrary: fc.constantFrom(...(FINE[option] ?? ['true'])) },
        { weight: 1, arbitrary: anyText },
      ),
    })
    .map(({ route, value }) => [`portcullis.${route}${option}`, value] as const),
);
const labels = fc
  .tuple(
    fc.array(label, { maxLength: 3 }),
    seldom(fc.tuple(anyText, anyText)).map((one) => (one ? [one] : [])),
    seldom(anyText),
  )
  .map(([ours, others, project]) =>
    Object.fromEntries([
      ...ours,
      ...others.map(([key, value]) => [`portcullis.${key}`, value] as const),
      ...(project === null ? [] : [['com.docker.compose.project', project] as const]),
      ...(project === null ? [] : [['com.docker.compose.service', project] as const]),
    ]),
  );

/** One entry of `GET /containers/json`, now and then with a field of the wrong type. */
const entry = fc
  .record({
    id: fc.integer({ min: 1, max: 2 ** 30 }),
    name: anyText,
    image: anyText,
    labels,
    network: anyText,
    port: fc.integer({ min: 1, max: 65_535 }),
    address: mostly(['127.0.0.1', '0.0.0.0', '::', '192.0.2.5'], ['1.2.3.4; drop', '$x']),
    ip: mostly(['172.17.0.2', 'fd00::2', ''], ['172.17.0.2 } accept']),
  })
  .chain(({ id, name, image, labels: Labels, network, port, address, ip }) =>
    fc.record({
      Id: wrongly(id.toString(16).padStart(64, '0')),
      Names: wrongly([`/${name}`]),
      Image: wrongly(image),
      Created: wrongly(id),
      State: wrongly('running'),
      Status: wrongly('Up 3 minutes'),
      Labels: wrongly(Labels),
      HostConfig: wrongly({ NetworkMode: network }),
      Ports: wrongly([{ IP: address, PrivatePort: 80, PublicPort: port, Type: 'tcp' }]),
      NetworkSettings: wrongly({
        Networks: { [network]: { NetworkID: 'n1', IPAddress: ip, GlobalIPv6Address: '' } },
      }),
    }),
  );

export const answers = fc.record({
  containers: fc.array(entry, { minLength: 1, maxLength: 4 }),
  networks,
  certificates,
  said: anyText,
});
type Answers = typeof answers extends fc.Arbitrary<infer T> ? T : never;

const AT_TOP = new Set(['upstream', 'server', 'limit_req_zone']);
/** What the cases came to, so that a run can say that it tried something. */
export const tally = {
  ...{ cases: 0, refused: 0, sites: 0, encrypted: 0, problems: 0, rejected: 0, networks: 0 },
};

/** @throws {AssertionError} when something holds no more */
export function checkAnswer(answer: Answers): void {
  tally.cases += 1;
  // Through JSON, as it comes from the socket.
  const containers = read(JSON.parse(JSON.stringify(answer.containers)));
  if (!containers) {
    tally.refused += 1;
    return;
  }
  const listen = withCertificates(answer.certificates);
  const candidates = containers.map((container) => ({
    container,
    routes: containerRoutes(container, settings),
    lingering: false,
  }));
  const plan = planRoutes(candidates, {
    handWritten: new Map(),
    holders: new Map(),
    authFiles: new Set(['team']),
    ...(listen.tls && { certificateOf: listen.tls.certificateOf }),
    ...refusing(listen.inputs),
  });
  tally.sites += plan.sites.length;
  tally.problems += plan.problems.length;
  tally.rejected += plan.rejected.length;
  for (const problem of plan.problems) assert.doesNotMatch(problemText(problem), UNSAFE);
  for (const { reason } of plan.rejected) assert.doesNotMatch(reason, UNSAFE);

  const render = createSiteRenderer({ templates, listen, read: readTree, hash: contentHash });
  const rendered = render(plan.sites);
  for (const { site, text, refused } of rendered) {
    assert.equal(refused, undefined);
    const blocks: readonly BlockNode[] = readBlocks(text);
    for (const { name } of blocks) assert.ok(AT_TOP.has(name), `${name} at the top of\n${text}`);
    const names = blocks.flatMap(({ name, children = [] }) =>
      name === 'server' ? children.filter((each) => each.name === 'server_name') : [],
    );
    assert.deepEqual(
      [...new Set(names.flatMap(({ args }) => args))].toSorted(),
      [site.host, ...site.redirectFrom].toSorted(),
    );
    const servers = blocks.flatMap(({ name, children = [] }) =>
      name === 'upstream' ? children.filter((each) => each.name === 'server') : [],
    );
    assert.deepEqual(
      servers.flatMap(({ args }) => args).toSorted(),
      [
        ...site.routes.flatMap((route) => route.servers.map(({ address }) => address)),
        ...endpointServers(site),
      ].toSorted(),
    );
    for (const { args } of servers) assert.match(args.join(' '), /^[\d.:[\]a-f]+$/);
    checkPasses(blocks);
    tally.encrypted += checkCertificates(site.host, blocks, answer.certificates);
  }
  const generation = buildGeneration(rendered, plan.rejected, {
    dir: '/etc/nginx/portcullis',
    listen,
    userDirectives: new Set(),
    userDefaults: new Map(),
    renderIndex: templates.index,
    hash: contentHash,
  });
  for (const file of generation.siteFiles.keys()) {
    assert.match(file, /^sites\/[A-Za-z0-9._+()=-]+\.[0-9a-f]{16}\.conf$/);
  }
  const includes = readBlocks(generation.index).filter(({ name }) => name === 'include');
  assert.equal(includes.length, plan.sites.length);

  tally.networks += checkRules(containers, JSON.parse(JSON.stringify(answer.networks)));
  checkOutputs(containers, answer.said);
}

/** Addresses of its forward-auth endpoints, as far as /etc/hosts has them. */
const endpointServers = ({ routes }: Site): readonly string[] =>
  [...new Set(routes.flatMap(({ access }) => access.authRequest ?? []))].flatMap((endpoint) => {
    const { hostname, port, protocol } = new URL(endpoint);
    const portOrUsual = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
    return (NAMES.hosts.get(hostname) ?? []).map((address) => `${address}:${portOrUsual}`);
  });

/** Nginx looks up no name when it starts: all passes are to addresses, to upstreams, or by a variable. */
function checkPasses(blocks: readonly BlockNode[]): void {
  const upstreams = blocks.flatMap(({ name, args }) => (name === 'upstream' ? args : []));
  const passes = (nodes: readonly BlockNode[]): readonly string[] =>
    nodes.flatMap(({ name, args, children = [] }) =>
      name.endsWith('_pass') ? args : passes(children),
    );
  for (const to of passes(blocks)) {
    const host = /^\w+:\/\/([^/]+)/.exec(to)?.[1] ?? '';
    assert.ok(
      to === '$portcullis_auth_url' || upstreams.includes(host) || /^[\d.]+(?::\d+)?$/.test(host),
      `Nginx would look up ${to}`,
    );
  }
}

/** Undefined: refused, with a clear error. */
function read(answer: unknown): readonly Container[] | undefined {
  try {
    return readContainers(answer).containers;
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    assert.doesNotMatch(error.message, UNSAFE);
    return undefined;
  }
}
