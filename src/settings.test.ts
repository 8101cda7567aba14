import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { settingKeys } from './core/settings-keys.ts';
import { PortcullisError } from './errors.ts';
import { loadSettings } from './settings.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-settings-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function load(
  text: string,
  env: Record<string, string> = {},
): ReturnType<typeof loadSettings> {
  const file = join(folder, 'p.yaml');
  await writeFile(file, text);
  return loadSettings({ file, env });
}

const BAD: readonly [title: string, text: string, message: string][] = [
  [
    'an unknown key',
    'nginx:\n  dri: /x\n',
    'p.yaml:2: "nginx.dri" is not a known key; the nearest is "nginx.dir"',
  ],
  [
    'a relative folder',
    'nginx:\n  dir: x\n',
    'p.yaml:2: nginx.dir must be an absolute path without spaces, quotes, "$", ";" or "*", got "x"',
  ],
  [
    'a folder that others need',
    'nginx: { dir: / }\n',
    'p.yaml:1: nginx.dir must be a folder of its own, as /etc/nginx/portcullis, got "/"',
  ],
  [
    "the folder of Nginx's own configuration",
    'nginx: { dir: /etc/nginx }\n',
    'p.yaml:1: nginx.dir must be a folder of its own, not that of nginx.config, got "/etc/nginx"',
  ],
  [
    'everybody as a trusted source',
    'firewall: { trusted_sources: ["0.0.0.0/0"] }\n',
    'p.yaml:1: firewall.trusted_sources.0 would trust everybody: to have no firewall, set firewall.mode to off, got "0.0.0.0/0"',
  ],
  [
    'a port out of range',
    '\nnginx: { listen_http: 99999 }\n',
    'p.yaml:2: nginx.listen_http must be from 1 to 65535, got 99999',
  ],
  [
    'a time without a unit',
    'watch: { debounce: 10 }\n',
    'p.yaml:1: watch.debounce must be a time, as 500ms, 30s or 5m, got 10',
  ],
  [
    'a time too long for a timer',
    'watch: { resync: 600h }\n',
    'p.yaml:1: watch.resync must be at most 24 days, got "600h"',
  ],
  [
    'no time at all between two looks',
    'watch: { resync: 0s }\n',
    'p.yaml:1: watch.resync must be more than 0, got "0s"',
  ],
  [
    'no time at all for a test',
    'nginx: { test_timeout: 0ms }\n',
    'p.yaml:1: nginx.test_timeout must be more than 0, got "0ms"',
  ],
  [
    'an address with a port that is none',
    'status: { listen: "127.0.0.1:99999" }\n',
    'p.yaml:1: status.listen must be an IP address and a port, as 127.0.0.1:9180, or empty, got "127.0.0.1:99999"',
  ],
  [
    'a name where an address is wanted',
    'status: { listen: "localhost:9180" }\n',
    'p.yaml:1: status.listen must be an IP address and a port, as 127.0.0.1:9180, or empty, got "localhost:9180"',
  ],
  [
    'a number in quotes',
    'nginx: { listen_http: "80" }\n',
    'p.yaml:1: nginx.listen_http must be a port number, got "80": write it without quotes',
  ],
  [
    'a truth in quotes',
    'nginx: { ipv6: "true" }\n',
    'p.yaml:1: nginx.ipv6 must be true or false, got "true": write it without quotes',
  ],
  [
    'a number where text is wanted',
    'domain: 5\n',
    'p.yaml:1: domain must be text in quotes, got 5',
  ],
  [
    'one item where a list is wanted',
    'nginx: { trusted_proxies: 10.0.0.0/8 }\n',
    'p.yaml:1: nginx.trusted_proxies must be a list, as [a, b], got "10.0.0.0/8"',
  ],
  [
    'an unknown word in a list',
    'compat: [traefik]\n',
    'p.yaml:1: compat.0 must be "nginx-proxy", got "traefik"',
  ],
  [
    'a value where keys are wanted',
    'firewall: enforce\n',
    'p.yaml:1: firewall must be keys and values, as { key: value }, got "enforce"',
  ],
  [
    'a key that is like none',
    'docker: unix:///x\n',
    'p.yaml:1: "docker" is not a known key; known are "domain", "host_pattern",',
  ],
  [
    'a key in a section that is like none of it',
    'watch: { zzzzz: 1 }\n',
    'p.yaml:1: "watch.zzzzz" is not a known key; known are "watch.debounce", "watch.max_wait",',
  ],
  [
    'an unknown section without keys',
    'nginks:\n',
    'p.yaml:1: "nginks" is not a known key; the nearest is "nginx"',
  ],
  ['YAML that is none', 'domain: [\n', 'p.yaml:2: is not valid YAML'],
  [
    'the same key twice',
    'domain: a.example\ndomain: b.example\n',
    'p.yaml:2: is not valid YAML: Map keys must be unique',
  ],
  [
    'a tab, and its place is told once',
    '\tdomain: a.example\n',
    'p.yaml:1: is not valid YAML: Tabs are not allowed as indentation',
  ],
  ['a list at the top', '- x\n', 'p.yaml:1: must be keys and values, as "domain: x"'],
  [
    'an unknown word',
    'discovery: some\n',
    'p.yaml:1: discovery must be one of "labelled", "all", got "some"',
  ],
  [
    'an unknown placeholder',
    'host_pattern: "{prt}.x"\n',
    'p.yaml:1: host_pattern has the unknown {prt}; known are {port} {domain} {name} {project} {service} {container_port}, got "{prt}.x"',
  ],
  [
    'Nginx text in a value',
    'auth_dir: "/x; }"\n',
    'p.yaml:1: auth_dir must be an absolute path without spaces, quotes, "$", ";" or "*", got "/x; }"',
  ],
];

for (const [title, text, message] of BAD) {
  test(`loadSettings(): ${title}`, async () => {
    await assert.rejects(load(text), (error) => {
      assert.ok(error instanceof PortcullisError);
      assert.equal(error.code, 'bad-setting');
      assert.ok(error.message.startsWith(join(folder, message)), error.message);
      assert.doesNotMatch(error.message, /at line \d/);
      return true;
    });
  });
}

test('loadSettings(): the environment beats the file, a flag beats both', async () => {
  const text = 'domain: file.example\nnginx: { listen_http: 81, listen_https: 444 }\n';
  const file = join(folder, 'q.yaml');
  await writeFile(file, text);
  const env = {
    PORTCULLIS_NGINX_LISTEN_HTTP: '82',
    PORTCULLIS_DOMAIN: 'env.example',
    PORTCULLIS_WATCH_LINGER: '2m',
    PORTCULLIS_FIREWALL_TRUSTED_INTERFACES: 'wg0, tun0',
  };
  const { settings } = await loadSettings({ file, env, overrides: { domain: 'flag.example' } });
  assert.equal(settings.domain, 'flag.example');
  assert.deepEqual([settings.nginx.listen_http, settings.nginx.listen_https], [82, 444]);
  assert.equal(settings.watch.linger, 120_000);
  assert.deepEqual(settings.firewall.trusted_interfaces, ['wg0', 'tun0']);
});

for (const { key, variable, default: byDefault } of settingKeys()) {
  test(`loadSettings(): ${variable} takes what ${key} is by default`, async () => {
    const [{ settings }, { settings: defaults }] = await Promise.all([
      loadSettings({ file: undefined, env: { [variable]: byDefault } }),
      loadSettings({ file: undefined, env: {} }),
    ]);
    assert.deepEqual(settings, defaults);
  });
}

test('loadSettings(): a wrong variable is named', async () => {
  await assert.rejects(load('', { PORTCULLIS_NGINX_IPV6: 'no' }), {
    message:
      'environment variable PORTCULLIS_NGINX_IPV6: nginx.ipv6 must be true or false, got "no"',
  });
});

test('loadSettings(): a variable that only looks like ours is told, not fatal', async () => {
  const { warnings } = await load('', { PORTCULLIS_FIREWALL_MOD: 'off' });
  assert.deepEqual(warnings, [
    'environment variable PORTCULLIS_FIREWALL_MOD is not known and has no effect; the nearest is PORTCULLIS_FIREWALL_MODE',
  ]);
});

test('loadSettings(): a variable that is like none is told without a guess', async () => {
  const { warnings } = await load('', { PORTCULLIS_CONFIG: '/x', PORTCULLIS_FIREWALL: 'off' });
  assert.deepEqual(warnings, [
    'environment variable PORTCULLIS_CONFIG is not known and has no effect',
    'environment variable PORTCULLIS_FIREWALL is not known and has no effect; the nearest is PORTCULLIS_FIREWALL_MODE',
  ]);
});

test('loadSettings(): a section whose keys are all comments is as if it were not there', async () => {
  const { settings } = await load('nginx:\n  # dir: /x\nwatch:\n');
  assert.equal(settings.nginx.dir, '/etc/nginx/portcullis');
});

test('loadSettings(): a folder is no file', async () => {
  await assert.rejects(loadSettings({ file: folder, env: {} }), {
    message: `${folder}: is a folder, not a file`,
  });
});

test('loadSettings(): a file that was asked for must exist', async () => {
  await assert.rejects(loadSettings({ file: '/nonexistent.yaml', env: {} }), {
    message: '/nonexistent.yaml: there is no such configuration file',
  });
});
