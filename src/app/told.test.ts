import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../core/model.ts';
import { createTold } from './told.ts';

const problem: Problem = { container: 'web', label: '', reason: 'is told' };

const CASES: readonly [title: string, kind: Partial<Problem>, event: string][] = [
  ['a container without a route', {}, 'rejected'],
  ['a site that Nginx refused', { quarantined: true }, 'quarantined'],
  ['one that is served, over HTTP only', { served: true }, 'partly-refused'],
];

for (const [title, kind, event] of CASES) {
  test(`createTold(): ${title} is told once as ${event}, and once when that is over`, () => {
    const events: string[] = [];
    const note = (name: string): void => void events.push(name);
    const told = createTold({ error: note, warn: note, info: note, debug: note });
    told([{ ...problem, ...kind }]);
    told([{ ...problem, ...kind }]);
    told([]);
    assert.deepEqual(events, [event, `no-longer-${event}`]);
  });
}
