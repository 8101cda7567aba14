import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootFiles, bootUnit } from './boot.ts';
import { FIREWALL_CASES } from './cases.fixture.ts';
import { firewallPolicy } from './policy.ts';

test('bootFiles(): grant nobody anything', () => {
  for (const { snapshot, access, settings } of FIREWALL_CASES) {
    const { ruleset } = firewallPolicy(snapshot, access, settings);
    for (const backend of ['nftables', 'iptables', 'docker-user'] as const) {
      for (const [, text] of bootFiles(ruleset, backend)) {
        assert.doesNotMatch(text, /goto asked_|--ctorigdstport|-A PORTCULLIS-HOST .*RETURN/);
      }
    }
  }
});

test('bootUnit(): comes before Docker and the network', () => {
  for (const backend of ['nftables', 'iptables', 'docker-user'] as const) {
    assert.match(
      bootUnit('/var/lib/portcullis', backend),
      /^Before=network-pre\.target docker\.service /m,
    );
  }
});

test('bootUnit(): refuses a folder that means something to systemd', () => {
  assert.throws(() => bootUnit('/var/lib/%n', 'nftables'), RangeError);
  assert.throws(() => bootUnit('/x\nExecStart=/bin/sh', 'nftables'), RangeError);
});
