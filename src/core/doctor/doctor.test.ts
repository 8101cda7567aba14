import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsSchema } from '../settings-schema.ts';
import { container } from '../testing/container.ts';
import { certificateChecks } from './certificate-checks.ts';
import type { Check, Fact } from './check.ts';
import { dockerChecks, type DockerFacts } from './docker-checks.ts';
import { firewallChecks, type FirewallFacts } from './firewall-checks.ts';
import { hostChecks, type HostFacts } from './host-checks.ts';
import { nginxChecks, type NginxCheckFacts } from './nginx-checks.ts';
import { hasProblem, reportLines, toldOnce, verdict } from './report.ts';

const known = <T>(value: T): Fact<T> => ({ known: true, value });
const unknown = (why = 'no answer within 4 s'): Fact<never> => ({ known: false, why });
const settings = settingsSchema.parse({ domain: 'lab.example' });

const info = {
  ...{ version: '20.10.24', operatingSystem: 'Debian', swarm: false, rootless: false },
  ...{ liveRestore: false, cgroupDriver: 'systemd', cgroupVersion: '2', warnings: [] },
};
const docker: DockerFacts = {
  url: 'unix:///run/docker.sock',
  engine: known({ version: '20.10.24', api: '1.41' }),
  info: known(info),
  events: known(true),
  clockMs: 5,
};
const nginx: NginxCheckFacts = {
  version: known('1.22.1'),
  included: known(true),
  test: known({ ok: true, warnings: [] }),
  running: known(true),
  folder: known({ exists: true, writable: true, oneFileSystem: true }),
  workers: known({ accepting: 2, old: 1, timeout: undefined }),
};
const firewall: FirewallFacts = {
  backend: known('nftables'),
  drift: known([]),
  boot: known('installed'),
};
const host: HostFacts = {
  settingsFile: '/etc/portcullis/portcullis.yaml',
  holders: known([{ port: 80, pid: 7, program: 'nginx' }]),
  containers: known([container('web', { ports: ['127.0.0.1:1234:80'] })]),
  wildcard: known({ name: 'x', addresses: ['192.0.2.1'], own: ['192.0.2.1'] }),
  firewalls: known([]),
  watching: known(true),
  watchUnit: known('running'),
};
const DAY = 86_400_000;

const byDocker = (more: Partial<DockerFacts>) => dockerChecks({ ...docker, ...more });
const byNginx = (more: Partial<NginxCheckFacts>) =>
  nginxChecks({ ...nginx, ...more }, settings.nginx);
const byFirewall = (more: Partial<FirewallFacts>, mode: 'enforce' | 'audit' | 'off' = 'enforce') =>
  firewallChecks({ ...firewall, ...more }, { ...settings.firewall, mode });
const byHost = (more: Partial<HostFacts>) => hostChecks({ ...host, ...more }, settings);
const byCertificate = (days: number | undefined, broken?: string) =>
  certificateChecks(
    known([
      {
        file: '/c/a.crt',
        endsAt: days === undefined ? undefined : days * DAY,
        ...(broken !== undefined && { broken }),
      },
    ]),
    { dir: '/c', nowMs: 0 },
  );

test('a good host: every check is ok', () => {
  const all = [byDocker({}), byNginx({}), byFirewall({}), byHost({}), byCertificate(90)];
  assert.deepEqual(
    all.flat().filter(({ state }) => state !== 'ok'),
    [],
  );
});

const elsewhere = nginxChecks(
  { ...nginx, version: unknown('cannot run /no/nginx (ENOENT)') },
  { ...settings.nginx, binary: '/no/nginx' },
);

type Row = readonly [title: string, checks: readonly Check[], name: string, expected: RegExp];
const rows: readonly Row[] = [
  ['no socket', byDocker({ engine: unknown('no socket') }), 'docker', /^problem.*start docker/],
  [
    'no right to the socket',
    byDocker({ engine: unknown('permission denied') }),
    'docker',
    /^problem.*sudo/,
  ],
  [
    'no Docker: events are not blamed',
    byDocker({ engine: unknown(), events: unknown() }),
    'docker events',
    /^not checked/,
  ],
  ['a proxy that hides events', byDocker({ events: unknown('403') }), 'docker events', /^problem/],
  [
    'Docker Desktop',
    byDocker({ info: known({ ...info, operatingSystem: 'Docker Desktop' }) }),
    'docker host',
    /^warning/,
  ],
  ['rootless', byDocker({ info: known({ ...info, rootless: true }) }), 'docker host', /^warning/],
  ['a clock behind', byDocker({ clockMs: 9_000 }), 'clock', /^warning is 9 s behind/],
  ['a clock ahead', byDocker({ clockMs: -9_000 }), 'clock', /^warning is 9 s ahead/],
  ['no time told', byDocker({ clockMs: undefined }), 'clock', /^not checked/],
  ['no Nginx', byNginx({ version: unknown('none') }), 'nginx', /^problem.*apt-get install nginx/],
  [
    'a wrong nginx.binary',
    elsewhere,
    'nginx',
    /^problem cannot run.* set nginx\.binary, now \/no\/nginx,/,
  ],
  ['not included', byNginx({ included: known(false) }), 'nginx include', /^problem.*init/],
  [
    'refused',
    byNginx({ test: known({ ok: false, output: '', reason: 'unknown directive' }) }),
    'nginx configuration',
    /^problem.*unknown directive/,
  ],
  ['a test that hangs', byNginx({ test: unknown() }), 'nginx configuration', /^problem no answer/],
  [
    'as many old workers as new ones',
    byNginx({ workers: known({ accepting: 2, old: 2, timeout: undefined }) }),
    'nginx old workers',
    /^ok +2 still hold connections/,
  ],
  [
    'old workers that linger',
    byNginx({ workers: known({ accepting: 2, old: 3, timeout: undefined }) }),
    'nginx old workers',
    /^problem 3 still hold connections.*worker_shutdown_timeout 10m/,
  ],
  [
    'old workers that are ended in time',
    byNginx({ workers: known({ accepting: 2, old: 9, timeout: '1h' }) }),
    'nginx old workers',
    /^ok .*for 1h at most/,
  ],
  ['not running', byNginx({ running: unknown('no master') }), 'nginx running', /^problem/],
  [
    'a folder that cannot be written',
    byNginx({ folder: known({ exists: true, writable: false, oneFileSystem: true }) }),
    'nginx.dir',
    /^problem/,
  ],
  [
    'a folder of two file systems',
    byNginx({ folder: known({ exists: true, writable: true, oneFileSystem: false }) }),
    'nginx.dir',
    /^problem.*findmnt/,
  ],
  ['no backend', byFirewall({ backend: unknown('none') }), 'firewall backend', /^problem/],
  [
    'drift',
    byFirewall({ drift: known([{ what: 'table', expected: 'x', found: 'missing' }]) }),
    'firewall enforced',
    /^problem 1 difference,.*portcullis firewall apply/,
  ],
  [
    'drift in audit mode',
    byFirewall({ drift: known([{ what: 't', expected: 'x', found: 'missing' }]) }, 'audit'),
    'firewall enforced',
    /^warning/,
  ],
  ['off', byFirewall({}, 'off'), 'firewall', /^warning/],
  ['no unit', byFirewall({ boot: known('missing') }), 'firewall at boot', /^problem.*init/],
  [
    'not enabled',
    byFirewall({ boot: known('not enabled') }),
    'firewall at boot',
    /^problem.*systemctl enable/,
  ],
  ...(
    [
      ['missing', /^warning.*init --enable/],
      ['outdated', /^warning.*init/],
      ['not enabled', /^warning.*systemctl enable --now portcullis/],
      ['not running', /^problem.*journalctl/],
      ['no systemd', /^not checked/],
    ] as const
  ).map(([state, expected]): Row => [
    `watch unit: ${state}`,
    byHost({ watchUnit: known(state) }),
    'watch unit',
    expected,
  ]),
  ['no systemd', byFirewall({ boot: known('no systemd') }), 'firewall at boot', /^not checked/],
  ['no settings file', byHost({ settingsFile: undefined }), 'settings', /^warning/],
  [
    'port 80 held',
    byHost({ holders: known([{ port: 80, pid: 9, program: 'apache2' }]) }),
    'ports',
    /^problem port 80 is held by apache2 \(pid 9\).*kill 9/,
  ],
  [
    'port 443 held',
    byHost({ holders: known([{ port: 443, pid: 9, program: 'apache2' }]) }),
    'ports',
    /^warning/,
  ],
  [
    'another proxy',
    byHost({ containers: known([container('traefik', { ports: ['0.0.0.0:80:80'] })]) }),
    'other proxies',
    /^problem.*traefik.*docker stop traefik/,
  ],
  ['no resolver', byHost({ wildcard: unknown('no resolver answers') }), 'dns', /^not checked/],
  [
    'no such name',
    byHost({ wildcard: known({ name: 'x', addresses: [], own: [] }) }),
    'dns',
    /^warning/,
  ],
  [
    'another host',
    byHost({ wildcard: known({ name: 'x', addresses: ['192.0.2.9'], own: ['192.0.2.1'] }) }),
    'dns',
    /^warning.*192\.0\.2\.9/,
  ],
  ['ufw', byHost({ firewalls: known(['ufw']) }), 'other firewalls', /^warning.*ufw allow/],
  ['no watch', byHost({ watching: known(false) }), 'watch', /^warning.*portcullis watch/],
  ['expired', byCertificate(-3), 'certificate /c/a.crt', /^problem expired 3 days ago/],
  ['expiring', byCertificate(13), 'certificate /c/a.crt', /^warning expires in 13/],
  ['unreadable', byCertificate(undefined), 'certificate /c/a.crt', /^problem cannot/],
  [
    'key of another',
    byCertificate(90, 'x is not the key of y'),
    'certificate /c/a.crt',
    /^problem x is not/,
  ],
];

for (const [title, checks, name, expected] of rows) {
  test(`doctor: ${title}`, () => {
    const found = checks.find((check) => check.name === name);
    assert.match(`${found?.state} ${found?.what} ${found?.fix ?? ''}`, expected);
    for (const { state, fix } of checks) assert.ok(state !== 'problem' || fix !== undefined);
  });
}

test('toldOnce(): what a problem kept from being looked at names it', () => {
  const lost = 'cannot reach Docker';
  assert.deepEqual(
    toldOnce([
      { name: 'docker', state: 'problem', what: lost, fix: 'start it' },
      { name: 'labels', state: 'not checked', what: lost },
      { name: 'dns', state: 'not checked', what: 'no resolver answers' },
    ]),
    [
      { name: 'docker', state: 'problem', what: lost, fix: 'start it' },
      { name: 'labels', state: 'not checked', what: 'because of the problem "docker"' },
      { name: 'dns', state: 'not checked', what: 'no resolver answers' },
    ],
  );
});

test('reportLines(): a verdict first, 80 columns, colour only where asked for', () => {
  const checks = byDocker({
    engine: unknown(`cannot reach Docker ${'at a long address '.repeat(9)}`),
  });
  assert.equal(verdict(checks), '1 problem, 1 not checked');
  assert.ok(hasProblem(checks));
  const lines = reportLines(checks, false);
  assert.equal(lines[0], '1 problem, 1 not checked');
  assert.deepEqual(
    lines.filter((line) => line.length > 80 || line.includes('\u001B')),
    [],
  );
  assert.ok(reportLines(checks, true).some((line) => line.startsWith('\u001B[31m')));
});
