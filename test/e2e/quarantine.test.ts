/** Sites that Nginx refuses, among others: real refusals by the real Nginx. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, afterEach, before, test } from 'node:test';
import { put } from '../lab/files.ts';
import { openProxyStage, type Labels, type ProxyStage, type Service } from '../lab/proxy-stage.ts';

let stage: ProxyStage;
before(async () => {
  stage = await openProxyStage();
  await put(stage.at('ca', 'broken.crt'), 'none\n');
});
after(() => stage.lab.close());
afterEach(async () => {
  for (const name of [
    'default.conf',
    'bad.example.conf',
    'site-2.example.conf',
    'site-500.example.conf',
    'site-999.example.conf',
  ]) {
    await rm(stage.at('snippets', name), { force: true });
  }
});

const web = (name: string, labels: Labels): Service => ({ name, port: 1401, labels });
const GOOD = web('good', { host: 'good.example' });
const BAD = web('bad', { host: 'bad.example' });
const UNKNOWN = 'no_such_directive on;\n';

type Row = { readonly host: string; readonly state: string; readonly reason?: string };
const routes = async (): Promise<readonly Row[]> => {
  const { stdout } = await stage.portcullis(
    ...['routes', '--json', '--from', stage.at('compose.json')],
  );
  const rows: readonly Row[] = JSON.parse(stdout);
  return rows.map(({ host, state, reason }) => ({ host, state, ...(reason && { reason }) }));
};

test('a refused site answers 503, all others are published; the next run changes nothing', async () => {
  await put(stage.at('snippets', 'bad.example.conf'), UNKNOWN);
  const { code, stdout, stderr } = await stage.serve(GOOD, BAD);
  assert.equal(code, 4, stderr);
  assert.match(
    stderr,
    /^quarantined: container lab-bad-1: the site bad\.example is quarantined and answers 503\. Nginx says: unknown directive "no_such_directive" \(.*bad\.example\.[0-9a-f]{16}\.conf:\d+\)$/m,
  );
  assert.match(stdout, /created good\.example/);
  assert.equal((await stage.echoed('good.example')).port, 1401);
  const refused = await stage.fetched('bad.example');
  assert.equal(refused.status, 503);
  assert.match(refused.headers, /^retry-after: 5\r?$/im);
  const [bad, good] = await routes();
  assert.deepEqual(good, { host: 'good.example', state: 'live' });
  assert.deepEqual([bad?.host, bad?.state], ['bad.example', 'quarantined']);
  assert.match(bad?.reason ?? '', /Nginx says: unknown directive/);

  const reloads = await stage.nginx.reloads();
  const again = await stage.serve(GOOD, BAD);
  assert.deepEqual([again.code, again.stdout], [4, 'nothing changed: 2 sites\n']);
  const check = await stage.portcullis('generate', '--check', '--from', stage.at('compose.json'));
  assert.equal(check.code, 4, 'told, but nothing would change');
  assert.equal(await stage.nginx.reloads(), reloads);
});

test('a site that worked is quarantined, not left as it was, and comes back when it is mended', async () => {
  await stage.served(GOOD, BAD);
  assert.equal((await stage.fetched('bad.example')).status, 200);
  await put(stage.at('snippets', 'bad.example.conf'), UNKNOWN);
  assert.equal((await stage.serve(GOOD, BAD)).code, 4);
  assert.equal((await stage.fetched('bad.example')).status, 503);
  await rm(stage.at('snippets', 'bad.example.conf'));
  await stage.served(GOOD, BAD);
  assert.equal((await stage.fetched('bad.example')).status, 200);
  assert.deepEqual(
    (await routes()).map(({ state }) => state),
    ['live', 'live'],
  );
});

/** The authorities are a file that holds none. */
const BROKEN: Labels = { scheme: 'https', 'upstream-ca': 'broken' };

test('authorities that Nginx cannot read: it names no file, we name the label', async () => {
  const { code, stderr } = await stage.serve(GOOD, web('bad', { host: 'bad.example', ...BROKEN }));
  assert.equal(code, 4);
  assert.match(stderr, /label upstream-ca may explain\. Nginx says: .*ca\/broken\.crt/);
  assert.equal((await stage.echoed('good.example')).port, 1401);
});

test('who adds a path to another’s site takes down that path only, and is named', async () => {
  const { code, stderr } = await stage.serve(
    GOOD,
    web('added', { host: 'good.example', path: '/fine' }),
    web('bad', { host: 'good.example', path: '/bad', ...BROKEN }),
  );
  assert.equal(code, 4, stderr);
  assert.match(
    stderr,
    /^quarantined: container lab-bad-1: its part of the site good\.example \(\/bad\) is quarantined and answers 503, which its label upstream-ca may explain\. Nginx says: .*ca\/broken\.crt/m,
  );
  assert.deepEqual(
    (await routes()).map(({ state }) => state),
    ['live', 'quarantined', 'live'],
    'sorted by path: /, /bad, /fine',
  );
  assert.equal((await stage.fetched('good.example')).status, 200);
  assert.equal((await stage.fetched('good.example', '/fine')).status, 200);
  assert.equal((await stage.fetched('good.example', '/bad')).status, 503);
});

test('a template that fails for one container quarantines that site only', async () => {
  await put(stage.at('templates', 'fails.conf.ejs'), '<% throw new Error("not today"); %>\n');
  const { code, stderr } = await stage.serve(
    GOOD,
    web('bad', { host: 'bad.example', template: 'fails' }),
  );
  await rm(stage.at('templates', 'fails.conf.ejs'));
  assert.equal(code, 4, stderr);
  assert.match(stderr, /quarantined: container lab-bad-1: .*its template failed: .*not today/);
  assert.equal((await stage.echoed('good.example')).port, 1401);
  assert.equal((await stage.fetched('bad.example')).status, 503);
});

test('a fault outside the sites quarantines nobody; what was live stays live', async () => {
  await stage.served(GOOD);
  const file = `${stage.nginx.confDir}/conf.d/own.conf`;
  await put(file, UNKNOWN);
  const { code, stderr } = await stage.serve(GOOD, BAD);
  await rm(file);
  assert.equal(code, 1);
  assert.match(stderr, /Nginx refuses the configuration: unknown directive.*own\.conf:1/);
  assert.equal((await stage.echoed('good.example')).port, 1401);
  assert.equal((await stage.fetched('bad.example')).status, 0);
});

test('a fault that a site without labels has as well quarantines nobody: a snippet for all, a log', async () => {
  await stage.served(GOOD, BAD);
  await put(stage.at('snippets', 'default.conf'), UNKNOWN);
  const snippet = await stage.serve(GOOD, BAD);
  await rm(stage.at('snippets', 'default.conf'));
  assert.equal(snippet.code, 1, snippet.stderr);
  assert.match(
    snippet.stderr,
    /Nginx refuses even a site without labels: unknown directive .*; look at template_dir, snippet_dir .*what was live stays live/,
  );
  await stage.settings(', access_log: /nonexistent/access.log');
  const log = await stage.serve(GOOD, BAD);
  await stage.settings();
  assert.equal(log.code, 1, log.stderr);
  assert.match(
    log.stderr,
    /even a site without labels: open\(\) "\/nonexistent\/access\.log" failed/,
  );
  assert.equal((await stage.fetched('good.example')).status, 200);
  assert.equal((await stage.fetched('bad.example')).status, 200);
});

for (const [name, reason] of [
  ['site.conf.ejs', /site\.conf\.ejs gives no server block/],
  ['index.conf.ejs', /index\.conf\.ejs does not include sites\/bad\.example\.[0-9a-f]{16}\.conf/],
] as const) {
  test(`an empty ${name} takes no site away`, async () => {
    await stage.served(GOOD, BAD);
    await put(stage.at('templates', name), '');
    const { code, stderr } = await stage.serve(GOOD, BAD);
    await rm(stage.at('templates', name));
    assert.equal(code, 1, stderr);
    assert.match(stderr, reason);
    assert.equal((await stage.echoed('good.example')).port, 1401);
  });
}

test('three among 1,000: found in four tests, the others are published', async () => {
  const thousand = Array.from({ length: 1_000 }, (_unused, index) =>
    web(`s${index}`, { host: `site-${index}.example` }),
  );
  for (const index of [2, 500, 999]) {
    await put(stage.at('snippets', `site-${index}.example.conf`), UNKNOWN);
  }
  const { code, stderr } = await stage.serve(...thousand);
  assert.equal(code, 4, stderr);
  const quarantined = stderr.split('\n').filter((line) => line.startsWith('quarantined: '));
  assert.deepEqual(
    quarantined.map((line) => /the site (\S+) is/.exec(line)?.[1]),
    ['site-2.example', 'site-500.example', 'site-999.example'],
  );
  assert.equal((await stage.fetched('site-500.example')).status, 503);
  assert.equal((await stage.echoed('site-501.example')).port, 1401);
  const debug = await stage.portcullis(
    ...['--log-level', 'debug', 'generate', '--from', stage.at('compose.json')],
  );
  const runs = Number(/quarantine-search .*runs=(\d+)/.exec(debug.stderr)?.[1]);
  console.log(`# 3 of 1,000 sites refused: ${runs} runs of nginx -t to find them`);
  assert.equal(runs, 4);
});

test('one container with a refused host in each of 250 groups: the others are published', async () => {
  const labels = Array.from({ length: 250 }, (_unused, index): [string, string][] => [
    [`r${index}.host`, `bad-${index}.example`],
    [`r${index}.group`, `g${index}`],
    [`r${index}.scheme`, 'https'],
    [`r${index}.upstream-ca`, 'broken'],
  ]);
  const { code, stderr } = await stage.serve(GOOD, web('bad', Object.fromEntries(labels.flat())));
  assert.equal(code, 4, stderr);
  assert.equal((await stage.echoed('good.example')).port, 1401);
  assert.equal((await stage.fetched('bad-7.example')).status, 503);
});

/** Where ngx_hash_key() of src/core/ngx_hash.c puts a name in a table of 2,048 places. */
function placeOf(name: string): number {
  let place = 0;
  for (let index = 0; index < name.length; index += 1) {
    place = (place * 31 + name.charCodeAt(index)) % 2048;
  }
  return place;
}

/** Names that have the place of `like`. */
function namesLike(like: string, count: number, tail: string): readonly string[] {
  const names: string[] = [];
  for (let index = 0; names.length < count; index += 1) {
    const name = `a${index.toString().padStart(12, '0')}${tail}`;
    if (placeOf(name) === placeOf(like)) names.push(name);
  }
  return names;
}

test('names that fill a good site’s place in Nginx’s table: one of them goes, is told, and stays away', async () => {
  await stage.served(GOOD);
  // A place has 65,472 bytes, 8 of them Nginx's own; these need 208 and 24 each, and the good one 24.
  const tail = `.${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}`;
  const long = namesLike('good.example', 314, tail);
  const short = namesLike('good.example', 6, '');
  const names = [...long, ...short];
  const labels = Array.from({ length: Math.ceil(names.length / 50) }, (_unused, index) => [
    `r${index}.host`,
    names.slice(index * 50, index * 50 + 50).join(','),
  ]);
  const flood = web('flood', Object.fromEntries(labels));
  const { code, stderr } = await stage.serve(GOOD, flood);
  assert.equal(code, 4, stderr);
  assert.match(
    stderr,
    /^quarantined: container lab-flood-1: the site a.* is quarantined and not served at all\. Nginx says: could not build server_names_hash/m,
  );
  assert.doesNotMatch(stderr, /lab-good-1/);
  assert.equal((await stage.echoed('good.example')).port, 1401);
});
