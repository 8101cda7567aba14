import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN, type Server, type Site } from './routes-model.ts';
import { siteView } from './site-view.ts';

const server = (port: number): Server => ({
  address: `127.0.0.1:${port}`,
  container: 'web',
  id: 'id',
});

const site = (host: string, servers: readonly Server[]): Site => ({
  host,
  owner: 'web',
  redirectFrom: [],
  routes: [{ host, path: '/', owner: 'web', access: { ...PLAIN, rate: '10r/s' }, servers }],
});

const viewOf = (host: string, ...servers: readonly Server[]) =>
  siteView(site(host, servers), { port: 80, ipv6: true, authDir: '/a' });

test('siteView(): the zone of a rate is not the one that the servers of its route share', () => {
  const { upstreams, rateZones, locations } = viewOf('a.example', server(1), server(2));
  assert.deepEqual(
    upstreams.map(({ zone }) => zone),
    ['portcullis_a.example_0'],
  );
  assert.deepEqual(rateZones, [{ name: 'portcullis_a.example_0_rate', rate: '10r/s' }]);
  assert.deepEqual(
    locations.map(({ directives }) => directives[0]),
    [['limit_req', 'zone=portcullis_a.example_0_rate']],
  );
});

test('siteView(): long hosts that begin alike have upstreams of their own, whatever they end with', () => {
  const long = `${'a.'.repeat(110)}example`;
  const [upstream] = viewOf(long, server(1)).upstreams;
  assert.equal(upstream?.name, `portcullis_${long}_0`);
});
