import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaints, statusLines, statusMetrics, type Status } from './status.ts';

const WELL: Status = {
  version: '1.2.3',
  since: '2026-01-01T00:00:00.000Z',
  docker: { connected: true, version: '28.5.2', flapping: [] },
  nginx: {
    version: '1.22.1',
    generation: 'abc',
    last_reload: null,
    last_error: null,
    old_workers: 0,
    drift: [],
  },
  firewall: { mode: 'enforce', backend: 'nftables', enforced: true, repairs: 2 },
  routes: { live: 3, rejected: 1, quarantined: 0 },
  events: { seen: 7, reconciles: 5, reloads: 4 },
};

test('statusLines(): who flaps, and what was changed by hand', () => {
  const lines = statusLines({
    ...WELL,
    docker: { ...WELL.docker, flapping: ['web'] },
    nginx: { ...WELL.nginx, old_workers: 3, drift: ['sites/a.conf'] },
  }).join('\n');
  assert.match(
    lines,
    /\n +web starts and ends over and over\nnginx .* 3 old workers\n +sites\/a\.conf was/,
  );
});

for (const [title, changes, says] of [
  ['all is well', {}, undefined],
  [
    'Docker is away',
    { docker: { connected: false, version: null, flapping: [] } },
    /Docker is not reachable/,
  ],
  [
    'a pass failed',
    { nginx: { ...WELL.nginx, last_error: 'nginx -t' } },
    /the last pass failed: nginx -t/,
  ],
  ['nothing is published', { nginx: { ...WELL.nginx, generation: null } }, /nothing is published/],
  ['the firewall is open', { firewall: { ...WELL.firewall, enforced: false } }, /not enforced/],
  [
    'the firewall is only watched',
    { firewall: { ...WELL.firewall, mode: 'audit', enforced: false } },
    undefined,
  ],
] as const) {
  test(`complaints(): ${title}`, () => {
    const status = { ...WELL, ...changes };
    const found = complaints(status).join();
    if (says === undefined) assert.equal(found, '');
    else assert.match(found, says);
    assert.equal(statusLines(status)[0]?.startsWith('watch is well'), says === undefined);
    assert.match(
      statusMetrics(status),
      new RegExp(`^portcullis_up ${says === undefined ? 1 : 0}$`, 'm'),
    );
  });
}
