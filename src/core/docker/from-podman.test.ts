import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFromPodman } from './from-podman.ts';

/** As Podman 4.3 with netavark answers. */
const PODMAN = {
  name: 'podman',
  id: '2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9',
  driver: 'bridge',
  network_interface: 'podman0',
  subnets: [{ subnet: '10.88.0.0/16', gateway: '10.88.0.1' }],
  ipv6_enabled: false,
  internal: false,
  dns_enabled: false,
  ipam_options: { driver: 'host-local' },
};

test('networkFromPodman(): the Linux bridge and the subnets', () => {
  const { bridge, subnets, name, internal } = networkFromPodman(PODMAN, 0);
  assert.deepEqual(
    { bridge, subnets, name, internal },
    { bridge: 'podman0', subnets: ['10.88.0.0/16'], name: 'podman', internal: false },
  );
});

test('networkFromPodman(): macvlan has no bridge', () => {
  const network = networkFromPodman({ ...PODMAN, driver: 'macvlan', network_interface: 'eth0' }, 0);
  assert.equal(network.bridge, undefined);
});

for (const [title, entry, message] of [
  ['no name', { ...PODMAN, name: undefined }, /network 3 of the list: name/],
  [
    'a bridge without its name',
    { ...PODMAN, network_interface: undefined },
    /network podman: network_interface/,
  ],
  ['a subnet that is none', { ...PODMAN, subnets: [1] }, /network podman: subnets/],
] as const) {
  test(`networkFromPodman(): refuses ${title}`, () => {
    assert.throws(() => networkFromPodman(entry, 3), { name: 'ShapeError', message });
  });
}
