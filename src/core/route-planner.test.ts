import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Container } from './model.ts';
import { RoutePlanner } from './route-planner.ts';
import { planRoutes, type Candidate } from './routes.ts';
import { PLAIN, type WantedRoute } from './routes-model.ts';

const HOSTS = ['a.example', 'b.example', 'c.example', 'd.example'];

const candidate = fc
  .record({
    number: fc.nat(7),
    createdAt: fc.nat(3),
    lingering: fc.boolean(),
    draining: fc.boolean(),
    bad: fc.boolean(),
    published: fc.subarray([0, 1, 2, 3, 4]),
    auth: fc.option(fc.constantFrom('team', 'gone'), { nil: undefined }),
    wishes: fc.uniqueArray(
      fc.record({
        host: fc.constantFrom(...HOSTS),
        path: fc.constantFrom('/', '/api'),
        redirectFrom: fc.subarray(['c.example', 'd.example', 'e.example']),
        port: fc.nat(4),
        owner: fc.constantFrom('', 'shop'),
        ready: fc.boolean(),
      }),
      { maxLength: 3, selector: ({ host, path }) => `${host}${path}` },
    ),
  })
  .map(({ number, createdAt, lingering, draining, bad, published, auth, wishes }): Candidate => {
    const name = `c${number}`;
    const container: Container = {
      id: name,
      name,
      createdAt,
      state: 'running',
      image: 'lab',
      health: 'none',
      labels: {},
      exposed: [],
      published: published.map((hostPort) => ({
        ...{ hostAddress: hostPort % 2 === 0 ? '0.0.0.0' : '127.0.0.1', hostPort },
        ...{ containerPort: 80, protocol: 'tcp' },
      })),
      portBindings: [],
      endpoints: [],
      networkMode: 'default',
    };
    const hosts = new Set<string>(wishes.map(({ host }) => host));
    const redirected = new Set<string>();
    // What one container contradicts itself in never comes so far.
    const own = (from: string): boolean => !hosts.has(from) && !redirected.has(from);
    const wanted = wishes.map(({ port, owner, ...wish }): WantedRoute => ({
      ...wish,
      redirectFrom: wish.redirectFrom.filter((from) => own(from) && redirected.add(from)),
      owner: owner || name,
      ...(owner !== '' && { member: name }),
      access: auth === undefined ? PLAIN : { ...PLAIN, authBasic: auth },
      server: { address: `127.0.0.1:${port}`, container: name, id: name },
    }));
    const problems = bad && !lingering ? [{ container: name, label: 'x', reason: 'wrong' }] : [];
    return {
      container,
      lingering,
      draining,
      routes: { wanted: problems.length > 0 ? [] : wanted, problems },
    };
  });

const list = fc.uniqueArray(candidate, { selector: ({ container }) => container.id });
const context = fc.record({
  handWritten: fc
    .subarray(HOSTS, { maxLength: 1 })
    .map((hosts) => new Map(hosts.map((host) => [host, { file: '/x.conf', line: 1 }]))),
  holders: fc
    .array(
      fc.tuple(
        fc.constantFrom(...HOSTS),
        fc.constantFrom('/', 'site', 'redirect', '/ lead'),
        fc.constantFrom('c0', 'c1', 'shop'),
      ),
    )
    .map((held) => new Map(held.map(([host, what, owner]) => [`${host} ${what}`, owner]))),
  authFiles: fc.constantFrom(undefined, new Set(['team']), new Set<string>()),
});
/** Part of the list before, and some newcomers: what one event after another does. */
const step = fc.record({ keep: fc.array(fc.boolean()), fresh: list, context });

test('RoutePlanner: list after list, the plan that planRoutes() makes', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 6 }), (steps) => {
      const planner = new RoutePlanner();
      let known: readonly Candidate[] = [];
      for (const { keep, fresh, context: facts } of steps) {
        const ids = new Set(fresh.map(({ container }) => container.id));
        const kept = known.filter(
          ({ container }, at) => keep[at] !== false && !ids.has(container.id),
        );
        known = [...kept, ...fresh];
        assert.deepEqual(planner.plan(known, facts), planRoutes(known, facts));
      }
    }),
    { numRuns: 500 },
  );
});
