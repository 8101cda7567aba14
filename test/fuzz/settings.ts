/**
 * Each key of the configuration with a hostile value: it is refused with a message that names the key, or
 * what Nginx and the firewall are given has the shape that a harmless value gives it.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readTree } from '../../src/adapters/nginx-tree.ts';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { createCandidates } from '../../src/app/candidates.ts';
import { desireOffline } from '../../src/app/offline.ts';
import type { BlockNode } from '../../src/core/block-tree.ts';
import { firewallPolicy } from '../../src/core/firewall/policy.ts';
import { settingKeys, valueFromText, type SettingValue } from '../../src/core/settings-keys.ts';
import type { Settings } from '../../src/core/settings-schema.ts';
import { container } from '../../src/core/testing/container.ts';
import { PortcullisError } from '../../src/errors.ts';
import { loadSettings } from '../../src/settings.ts';
import { checkRuleTexts, ruleTexts } from './networks.ts';
import { UNSAFE } from './texts.ts';

export const KEYS = settingKeys();

export const settingsTally = { refused: 0, taken: 0 };

const CERTIFICATES = join(packageRoot(), 'fixtures', 'certificates');

/** A harmless value that means the same as a hostile one that is taken; for a path one that is not there. */
const CALM: Readonly<Record<string, SettingValue>> = {
  domain: 'calm.example',
  'status.host': 'calm-status.example',
  label_prefix: 'calm',
  'nginx.binary': 'calm',
  'tls.hsts': 'max-age=1',
  'firewall.trusted_interfaces': ['calm0'],
  'firewall.trusted_sources': ['192.0.2.0/24'],
  'nginx.trusted_proxies': ['192.0.2.0/24'],
};
const calmOf = (key: string, value: string): SettingValue | undefined => {
  const isList = KEYS.find((each) => each.key === key)?.type === 'list';
  if (isList && value.replaceAll(',', '').trim() === '') return [];
  if (value === '') return value;
  if (key === 'host_pattern') return 'calm.example';
  return CALM[key] ?? (value.startsWith('/') ? '/calm/path' : undefined);
};

/** @throws {AssertionError} when something holds no more */
export async function checkSetting(key: string, text: string): Promise<void> {
  const given = KEYS.find((each) => each.key === key);
  assert.ok(given);
  const settings = await load({ [key]: valueFromText(text, given.type) }, key);
  if (!settings) return;
  const got = await shapeOf(settings, key);
  if (got === undefined) return;
  settingsTally.taken += 1;
  const calm = calmOf(key, text);
  const meant = await load(calm === undefined ? {} : { [key]: calm }, key);
  assert.ok(meant);
  assert.deepEqual(got, await shapeOf(meant, key), `${key}: ${JSON.stringify(text)}`);
}

/** Undefined: refused, with a message that names the key. */
async function load(
  overrides: Readonly<Record<string, SettingValue>>,
  key: string,
): Promise<Settings | undefined> {
  const file = '/dev/null'; // none of this machine's
  try {
    const certificates = key === 'tls.cert_dir' ? {} : { 'tls.cert_dir': CERTIFICATES };
    const all = { ...certificates, ...overrides };
    return (await loadSettings({ file, env: {}, overrides: all })).settings;
  } catch (error) {
    settingsTally.refused += 1;
    assertNames(error, key);
    return undefined;
  }
}

function assertNames(error: unknown, name: string): void {
  assert.ok(error instanceof PortcullisError, String(error));
  assert.ok(error.message.includes(name), `${name} in ${error.message}`);
  assert.doesNotMatch(error.message, UNSAFE);
}

type Shape = readonly (string | number | Shape)[];
const shape = (nodes: readonly BlockNode[]): Shape =>
  nodes.map(({ name, args, children }) => [
    name,
    args.length,
    ...(children ? [shape(children)] : []),
  ]);

const web = (name: string, port: number, labels: Readonly<Record<string, string>>) =>
  ({ name, port, labels }) as const;
const SERVICES = [
  web('plain', 1234, { enable: 'true' }),
  web('second', 1235, { enable: 'true' }),
  web('encrypted', 1236, {
    host: 'shop.example',
    tls: 'only',
    'auth-request': 'http://127.0.0.1/x',
  }),
  web('rich', 1237, { host: 'rich.example', rate: '10r/s', allow: '10.0.0.0/8', public: 'true' }),
];

/** Undefined: the files that it names cannot be used, and that was said with their path. */
async function shapeOf(settings: Settings, key: string): Promise<unknown> {
  const containers = SERVICES.map(({ name, port, labels }) =>
    container(name, {
      ports: [`${port}:80`],
      labels: Object.fromEntries(
        Object.entries(labels).map(([option, value]) => [
          `${settings.label_prefix}.${option}`,
          value,
        ]),
      ),
    }),
  );
  const { ruleset } = firewallPolicy({ containers, networks: [] }, [], {
    trustedInterfaces: settings.firewall.trusted_interfaces,
    trustedSources: settings.firewall.trusted_sources,
    proxyContainer: undefined,
  });
  const rules = ruleTexts(ruleset);
  checkRuleTexts(rules);
  try {
    const candidates = createCandidates(settings)(containers);
    const { files, problems } = await desireOffline(candidates, settings, settings.nginx.dir);
    return {
      // Sorted: they come in the order of their hosts, which some keys change.
      files: [...files.values()].map((text) => JSON.stringify(shape(readTree(text)))).toSorted(),
      problems: problems.map(({ container: name, label }) => `${name} ${label.split('.').at(-1)}`),
      rules: rules.map((text) => text.split('\n').length),
    };
  } catch (error) {
    assertNames(error, String(Reflect.get(settings, key)));
    return undefined;
  }
}
