/** The containers and networks that the recorded answers in fixtures/docker show. */
import assert from 'node:assert/strict';
import { waitUntil } from './wait-until.ts';
import { HEALTH_ARGS, IMAGE, type Engine } from './engine.ts';
import { HOST_V6 } from './lab.ts';

type Labels = Readonly<Record<string, string>>;
type Spec = {
  readonly name: string;
  readonly ports?: readonly string[];
  readonly labels?: Labels;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
};

/** The labels that docker compose puts on a container. */
const compose = (project: string, service: string, number = 1, oneoff = 'False'): Labels => ({
  'com.docker.compose.config-hash':
    '6a1d2c0e5b7f4e9f8a3b0c1d2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f7',
  'com.docker.compose.container-number': String(number),
  'com.docker.compose.depends_on': '',
  'com.docker.compose.image': IMAGE,
  'com.docker.compose.oneoff': oneoff,
  'com.docker.compose.project': project,
  'com.docker.compose.project.config_files': `/srv/${project}/compose.yaml`,
  'com.docker.compose.project.working_dir': `/srv/${project}`,
  'com.docker.compose.service': service,
  'com.docker.compose.version': '2.27.0',
});

const loopback = (...ports: readonly string[]): readonly string[] =>
  ports.map((port) => `127.0.0.1:${port}`);

const processOf = (port: number): Spec => ({
  name: `processes-process_${port}-1`,
  ports: loopback(`${port}:${port}`),
  labels: { ...compose('processes', `process_${port}`), 'portcullis.enable': 'true' },
  args: ['--network', 'processes_default', '--network-alias', `process_${port}`],
  command: ['/bin/httpd', '-f', '-p', String(port), '-h', '/www'],
});

const replica = (number: number): Spec => ({
  name: `shop-web-${number}`,
  ports: loopback(':80'),
  labels: {
    ...compose('shop', 'web', number),
    'portcullis.host': 'shop.example.com',
    'portcullis.port': '80',
  },
  args: ['--network', 'shop_default'],
});

const RUNNING: readonly Spec[] = [
  processOf(1234),
  processOf(1235),
  processOf(5678),
  replica(1),
  replica(2),
  replica(3),
  {
    name: 'shop-api-1',
    ports: loopback(':80'),
    labels: {
      ...compose('shop', 'api'),
      'portcullis.host': 'shop.example.com',
      'portcullis.path': '/api',
    },
    args: ['--network', 'shop_default', ...HEALTH_ARGS],
  },
  {
    name: 'shop-sick-1',
    ports: loopback(':80'),
    labels: { ...compose('shop', 'sick'), 'portcullis.host': 'sick.example.com' },
    args: [
      '--network',
      'shop_default',
      '--health-cmd',
      'false',
      '--health-interval',
      '300ms',
      '--health-retries',
      '1',
    ],
  },
  {
    name: 'shop-web-run-5f3c2a1b0d9e',
    ports: loopback(':80'),
    labels: {
      ...compose('shop', 'web', 1, 'True'),
      'portcullis.host': 'shop.example.com',
      'portcullis.port': '80',
    },
    args: ['--network', 'shop_default'],
  },
  {
    name: 'first-web-1',
    ports: loopback(':80'),
    labels: { ...compose('first', 'web'), 'portcullis.host': 'claimed.example.com' },
  },
  {
    name: 'second-web-1',
    ports: loopback(':80'),
    labels: { ...compose('second', 'web'), 'portcullis.host': 'claimed.example.com' },
  },
  {
    name: 'portal',
    ports: loopback('8081:80', '8082:81'),
    labels: {
      'portcullis.web.host': 'portal.example.com',
      'portcullis.web.port': '80',
      'portcullis.admin.host': 'admin.example.com',
      'portcullis.admin.port': '81',
      'portcullis.admin.allow': '192.0.2.0/24,2001:db8::/32',
    },
  },
  { name: 'linker', args: ['--link', 'portal:p'] },
  {
    name: 'six',
    ports: ['[::1]:8083:80', `[${HOST_V6}]:8084:81`],
    labels: { 'portcullis.host': 'six.example.com', 'portcullis.port': '80' },
    args: ['--network', 'dual'],
  },
  { name: 'open', ports: ['8085:80'], labels: { 'portcullis.host': 'open.example.com' } },
  {
    name: 'mail',
    ports: ['25:25', '127.0.0.1:8087:80'],
    labels: {
      'portcullis.public': '25/tcp',
      'portcullis.host': 'mail.example.com',
      'portcullis.port': '80',
    },
  },
  {
    name: 'name-server',
    ports: [...loopback('5353:53/udp', '5353:53/tcp'), '53:53/udp'],
    labels: { 'portcullis.public': '53/udp' },
  },
  {
    name: 'on-host',
    labels: { 'portcullis.host': 'on-host.example.com', 'portcullis.port': '9000' },
    args: ['--network', 'host'],
    command: ['/bin/httpd', '-f', '-p', '9000', '-h', '/www'],
  },
  { name: 'inside', args: ['--network', 'internal'], labels: { 'portcullis.enable': 'true' } },
  { name: 'on-lan', args: ['--network', 'lan'] },
  { name: 'offline', args: ['--network', 'none'] },
  { name: 'disabled', ports: loopback('8088:80'), labels: { 'portcullis.enable': 'false' } },
  { name: 'foreign', ports: loopback('8089:80'), labels: { 'traefik.enable': 'maybe' } },
  { name: 'bad-port-0', ports: loopback(':80'), labels: { 'portcullis.port': '0' } },
  { name: 'bad-port-65536', ports: loopback(':80'), labels: { 'portcullis.port': '65536' } },
  { name: 'bad-host', ports: loopback(':80'), labels: { 'portcullis.host': 'example..com' } },
  { name: 'bad-option', ports: loopback(':80'), labels: { 'portcullis.prot': '80' } },
];

const CREATED: Spec = {
  name: 'waiting',
  ports: loopback('8090:80', ':81'),
  labels: { 'portcullis.host': 'waiting.example.com', 'portcullis.port': '80' },
};

/** Makes all of it, and waits until health checks and tasks have settled. */
export async function makeFixtureStack(engine: Engine): Promise<void> {
  const network = (...args: readonly string[]): Promise<string> =>
    engine.docker('network', 'create', ...args);
  await network('processes_default');
  await network('shop_default');
  await network('--internal', 'internal');
  await network('--opt', 'com.docker.network.bridge.name=br-named', 'named');
  await network('--ipv6', '--subnet', '172.30.0.0/16', '--subnet', 'fd00:30::/64', 'dual');
  await network(
    '--driver',
    'macvlan',
    '--opt',
    'parent=eth0',
    '--subnet',
    '198.51.100.0/24',
    'lan',
  );
  for (const spec of RUNNING) await engine.run(spec);
  await engine.docker('network', 'connect', 'named', 'portal');
  await engine.docker(...createArguments(CREATED));
  await engine.run({
    name: 'ended',
    ports: loopback('8091:80'),
    command: ['/bin/sh', '-c', 'exit 3'],
  });
  const failing = { name: 'failed', ports: loopback('8094:80'), command: ['/bin/no-such-program'] };
  await assert.rejects(engine.run(failing));
  await engine.run({
    name: 'frozen',
    ports: loopback('8092:80'),
    labels: { 'portcullis.enable': 'true' },
  });
  await engine.docker('pause', 'frozen');
  await engine.docker('swarm', 'init', '--advertise-addr', '127.0.0.1');
  await engine.docker(
    ...['service', 'create', '--detach', '--no-resolve-image', '--name', 'edge'],
    ...['--publish', 'mode=host,target=80,published=8086', '--publish', 'target=81,published=8093'],
    ...['--container-label', 'portcullis.host=edge.example.com'],
    ...['--container-label', 'portcullis.port=80'],
    ...[IMAGE, '/bin/httpd', '-f', '-p', '80', '-h', '/www'],
  );
  await waitUntil(
    'health checks and the task have settled',
    async () => {
      const shown = await engine.docker('ps', '-a', '--format', '{{.Names}} {{.Status}}');
      return (
        /^ended Exited/m.test(shown) &&
        /^edge\.1\.\S+ Up/m.test(shown) &&
        /^shop-api-1 .*\(healthy\)/m.test(shown) &&
        /^shop-sick-1 .*\(unhealthy\)/m.test(shown)
      );
    },
    60_000,
  );
}

function createArguments({ name, ports = [], labels = {} }: Spec): readonly string[] {
  return [
    ...['create', '--name', name, '--hostname', name],
    ...ports.flatMap((port) => ['-p', port]),
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ...[IMAGE, '/bin/sleep', '1d'],
  ];
}
