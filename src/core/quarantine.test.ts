import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TestResult } from './nginx-test-output.ts';
import {
  absentSite,
  countRoutes,
  culpritsOf,
  findRefused,
  inOrderOfSearch,
  refusals,
  withoutRoutesOf,
} from './quarantine.ts';
import { PLAIN, type Route, type Site } from './routes-model.ts';

type Fault = 'named' | 'unnamed';

/** An Nginx that refuses the files in `faults`, the first of them first, as Nginx stops at the first fault. */
const nginxWith =
  (faults: ReadonlyMap<string, Fault>) =>
  (files: readonly string[]): TestResult => {
    const file = files.find((each) => faults.has(each));
    if (file === undefined) return { ok: true, warnings: [] };
    const said = { ok: false, output: 'nginx: …', reason: 'it is wrong' } as const;
    return faults.get(file) === 'named' ? { ...said, file: `/n/${file}`, line: 3 } : said;
  };

function search(
  files: readonly string[],
  nginx: (files: readonly string[]) => TestResult,
  ownerOf?: (file: string) => string | undefined,
): { refused: readonly string[] | undefined; runs: number } {
  const steps = findRefused(files, nginx(files), ownerOf);
  let runs = 1;
  let step = steps.next();
  while (!step.done) {
    runs += 1;
    step = steps.next(nginx(step.value));
  }
  return { refused: step.value?.map(({ file }) => file), runs };
}

const site = (index: number): string => `sites/s${index}.example.conf`;
const thousand = Array.from({ length: 1_000 }, (_unused, index) => site(index));

const CASES: readonly [title: string, faults: [number, Fault][], runs: number][] = [
  ['none', [], 1],
  ['one that is named', [[700, 'named']], 2],
  [
    'three that are named',
    [
      [1, 'named'],
      [500, 'named'],
      [999, 'named'],
    ],
    4,
  ],
  [
    'thirty that are named',
    Array.from({ length: 30 }, (_unused, index): [number, Fault] => [index * 7, 'named']),
    31,
  ],
  ['one that is not named', [[700, 'unnamed']], 13],
  [
    'two that are not named',
    [
      [3, 'unnamed'],
      [998, 'unnamed'],
    ],
    24,
  ],
];

for (const [title, faults, runs] of CASES) {
  test(`findRefused(): among 1,000 sites ${title}: ${runs} runs`, () => {
    const known = new Map(faults.map(([index, fault]) => [site(index), fault] as const));
    const found = search(thousand, nginxWith(known));
    assert.deepEqual(found.refused?.toSorted(), [...known.keys()].toSorted());
    assert.equal(found.runs, runs);
  });
}

test('countRoutes(): of a shared site only the routes of who is to blame are quarantined', () => {
  const route = (path: string, owner: string): Route => ({
    host: 'a.example',
    path,
    owner,
    access: PLAIN,
    servers: [],
  });
  const shared: Site = {
    host: 'a.example',
    owner: 'a',
    redirectFrom: [],
    routes: [route('/', 'a'), route('/b', 'b'), route('/c', 'b')],
  };
  const rendered = { site: shared, text: '', hash: '' };
  const refused = { hash: '', reason: '', meant: shared };
  assert.deepEqual(
    [
      rendered,
      { ...rendered, refused: { ...refused, owners: ['b'] } },
      { ...rendered, refused },
    ].map((each) => countRoutes([each])),
    [
      { live: 3, quarantined: 0 },
      { live: 1, quarantined: 2 },
      { live: 0, quarantined: 3 },
    ],
  );
});

test('findRefused(): a fault outside the sites quarantines nobody', () => {
  const broken = (): TestResult => ({
    ok: false,
    output: '',
    reason: 'x',
    file: '/etc/nginx.conf',
    line: 1,
  });
  assert.deepEqual(search(thousand, broken), { refused: undefined, runs: 2 });
});

test('findRefused(): a fault of every site is no site’s fault', () => {
  const all = new Map(thousand.map((file) => [file, 'named' as const]));
  assert.equal(search(thousand, nginxWith(all)).refused, undefined);
});

test('findRefused(): the many sites of one owner are its own fault, and cost no more than a few runs', () => {
  const many = new Map(thousand.slice(300, 700).map((file) => [file, 'named' as const]));
  const others = new Map([...many, [site(900), 'named' as const]]);
  const ownerOf = (file: string): string => (many.has(file) ? 'container many' : file);
  const { refused, runs } = search(thousand, nginxWith(others), ownerOf);
  assert.deepEqual(refused?.toSorted(), [...others.keys()].toSorted());
  assert.equal(runs, 7);
});

const part = (path: string, owner: string, lead?: string): Route => ({
  ...{ host: 'a.example', path, owner, access: PLAIN, servers: [] },
  ...(lead !== undefined && { lead }),
});
const siteOf = (host: string, ...routes: readonly Route[]): Site => ({
  ...{ host, owner: 'a', redirectFrom: [], routes },
});

const CULPRITS: readonly [title: string, routes: Route[], culprits: string][] = [
  ['its owner', [part('/', 'a')], 'a'],
  ['whoever has a part in it', [part('/', 'b'), part('/x', 'a'), part('/y', 'b')], 'a and b'],
  [
    'one container, however many groups it names',
    [part('/', 'group 1', 'container x'), part('/x', 'group 2', 'container x')],
    'container x',
  ],
];

for (const [title, routes, culprits] of CULPRITS) {
  test(`culpritsOf(): to blame for a site is ${title}`, () => {
    assert.equal(culpritsOf(siteOf('a.example', ...routes)), culprits);
  });
}

test('inOrderOfSearch(): who holds its host before a newcomer, and before a stub', () => {
  const rendered = ['new', 'stub', 'held'].map((host) => ({
    ...{ site: siteOf(host), text: '', hash: '' },
    ...(host === 'stub' && { refused: { hash: '', reason: '', meant: siteOf(host) } }),
  }));
  assert.deepEqual(
    inOrderOfSearch(rendered, (host) => host !== 'new').map(({ site: { host } }) => host),
    ['held', 'new', 'stub'],
  );
});

test('withoutRoutesOf(): a guest’s redirects go with its routes', () => {
  const whole: Site = {
    ...siteOf('a.example', part('/', 'a'), part('/b', 'group b', 'container b')),
    redirectFrom: ['of-a', 'of-b'],
    othersRedirects: [['of-b', 'group b', 'container b']],
  };
  const { redirectFrom, othersRedirects } = withoutRoutesOf(whole, ['container b']);
  assert.deepEqual([redirectFrom, othersRedirects], [['of-a'], []]);
});

test('absentSite(): a site without even a stub is told, and known by the text that was refused', () => {
  const meant = siteOf('a.example', part('/', 'a'));
  const stub = { site: meant, text: 'stub', hash: '2', refused: { hash: '1', reason: '', meant } };
  const absent = absentSite(stub, 'Nginx says: no', () => '3');
  assert.deepEqual([absent.hash, absent.refused?.hash], ['3', '1']);
  assert.match(absent.text, /^#.*\n$/);
  assert.deepEqual(
    refusals([absent]).map(({ reason }) => reason),
    ['the site a.example is quarantined and not served at all. Nginx says: no'],
  );
});

test('findRefused(): two that are wrong only together: one of them goes', () => {
  const pair = (files: readonly string[]): TestResult =>
    files.includes(site(5)) && files.includes(site(800))
      ? { ok: false, output: '', reason: 'duplicate' }
      : { ok: true, warnings: [] };
  assert.deepEqual(search(thousand, pair).refused, [site(800)]);
});

test('findRefused(): whoever is guilty is found, nobody else, in at most k (log2 n + 2) + 2 runs', () => {
  const faults = fc.uniqueArray(fc.tuple(fc.nat(199), fc.constantFrom<Fault>('named', 'unnamed')), {
    maxLength: 8,
    selector: ([index]) => index,
  });
  fc.assert(
    fc.property(faults, (wrong) => {
      const files = thousand.slice(0, 200);
      const known = new Map(wrong.map(([index, fault]) => [site(index), fault]));
      const { refused, runs } = search(files, nginxWith(known));
      assert.deepEqual(refused?.toSorted(), [...known.keys()].toSorted());
      assert.ok(runs <= known.size * (Math.log2(files.length) + 2) + 2, `${runs} runs`);
    }),
  );
});
