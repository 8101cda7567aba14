import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFromApi } from './from-network.ts';

const ID = '0123456789abcdef'.padEnd(64, '0');
const entry = (fields: object): object => ({ Id: ID, Name: 'app', Driver: 'bridge', ...fields });

const GWBRIDGE = { 'com.docker.network.bridge.name': 'docker_gwbridge' };
const bridges: readonly [title: string, fields: object, bridge: string | undefined][] = [
  ['a network of its own is br- and its id', {}, 'br-0123456789ab'],
  ['an option names it', { Options: GWBRIDGE }, 'docker_gwbridge'],
  ['the default network is docker0', { Name: 'bridge' }, 'docker0'],
  ['macvlan has none', { Driver: 'macvlan' }, undefined],
  ['an overlay has none', { Driver: 'overlay' }, undefined],
  ['a template has none', { ConfigOnly: true }, undefined],
  ['no driver has none', { Driver: null }, undefined],
];
for (const [title, fields, bridge] of bridges) {
  test(`networkFromApi(): the bridge: ${title}`, () => {
    assert.equal(networkFromApi(entry(fields), 0).bridge, bridge);
  });
}

test('networkFromApi(): subnets of both families and the flags', () => {
  const from = entry({
    Internal: true,
    Ingress: true,
    Options: { 'com.docker.network.driver.mtu': '1500' },
    IPAM: { Config: [{ Subnet: '172.20.0.0/16', Gateway: '172.20.0.1' }, { Subnet: 'fd00::/64' }] },
  });
  assert.deepEqual(networkFromApi(from, 0), {
    id: ID,
    name: 'app',
    driver: 'bridge',
    bridge: 'br-0123456789ab',
    subnets: ['172.20.0.0/16', 'fd00::/64'],
    internal: true,
    ingress: true,
    options: { 'com.docker.network.driver.mtu': '1500' },
  });
});

test('networkFromApi(): an inspect tells who is on it', () => {
  const from = entry({
    Containers: {
      'ingress-sbox': {
        Name: 'gateway_ingress-sbox',
        IPv4Address: '172.18.0.2/16',
        IPv6Address: '',
      },
      c1: { IPv4Address: '172.18.0.4/16', IPv6Address: 'fd00::4/64' },
    },
  });
  assert.deepEqual(networkFromApi(from, 0).members, [
    { id: 'ingress-sbox', ipv4: '172.18.0.2' },
    { id: 'c1', ipv4: '172.18.0.4', ipv6: 'fd00::4' },
  ]);
});

test('networkFromApi(): no address management is no subnet', () => {
  assert.deepEqual(networkFromApi(entry({ IPAM: { Config: null } }), 0).subnets, []);
  assert.deepEqual(networkFromApi(entry({}), 0).subnets, []);
});

test('networkFromApi(): names the network and the field', () => {
  assert.throws(() => networkFromApi(entry({ Internal: 'yes' }), 0), {
    message: 'network app: Internal must be true or false, but is "yes"',
  });
});
