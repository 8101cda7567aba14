import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './testing/container.ts';
import { Tracker } from './tracker.ts';

const a = container('a', { ports: ['127.0.0.1:1:80'] });
const b = container('b', { ports: ['127.0.0.1:2:80'] });
const names = (containers: readonly { name: string }[]): readonly string[] =>
  containers.map(({ name }) => name);

function tracking(...containers: Parameters<Tracker['put']>[0][]): Tracker {
  const tracker = new Tracker(10_000);
  tracker.replaceAll(containers, 0);
  return tracker;
}

test('Tracker: a container that stops lingers, then is forgotten', () => {
  const tracker = tracking(a, b);
  tracker.put({ ...a, state: 'exited', published: [] }, 100);
  assert.deepEqual([names(tracker.running), names(tracker.lingering)], [['b'], ['a']]);
  assert.deepEqual(tracker.lingering, [a], 'as it was when it ran');
  assert.equal(tracker.nextExpiryAt, 10_100);
  assert.equal(tracker.expire(10_099), false);
  assert.equal(tracker.expire(10_100), true);
  assert.deepEqual(names(tracker.lingering), []);
  assert.equal(tracker.nextExpiryAt, Infinity);
});

test('Tracker: which ports one asked for is known of it when it lingers, though a list did not tell', () => {
  const tracker = tracking(a);
  tracker.put({ ...a, state: 'exited', published: [], portBindings: a.published }, 100);
  assert.deepEqual(tracker.lingering, [{ ...a, portBindings: a.published }]);
});

test('Tracker: a restart ends the lingering', () => {
  const tracker = tracking(a);
  tracker.gone(a.id, 0);
  tracker.put(a, 450);
  assert.deepEqual([names(tracker.running), names(tracker.lingering)], [['a'], []]);
});

test('Tracker: stopping twice does not linger longer', () => {
  const tracker = tracking(a);
  tracker.put({ ...a, state: 'exited' }, 0);
  tracker.gone(a.id, 9_000);
  assert.equal(tracker.nextExpiryAt, 10_000);
});

test('Tracker: a created container is known, but does not run and leaves nothing behind', () => {
  const tracker = tracking({ ...a, state: 'created' });
  assert.deepEqual([names(tracker.containers), names(tracker.running)], [['a'], []]);
  tracker.gone(a.id, 0);
  assert.deepEqual([names(tracker.containers), names(tracker.lingering)], [[], []]);
});

test('Tracker: one that ended is known until it is removed', () => {
  const tracker = tracking(a, { ...b, state: 'exited' });
  assert.deepEqual([names(tracker.containers), names(tracker.ended)], [['a'], ['b']]);
  tracker.put({ ...b, state: 'created' }, 100);
  assert.deepEqual([names(tracker.containers), names(tracker.ended)], [['a', 'b'], []]);
  tracker.put({ ...b, state: 'exited' }, 200);
  tracker.gone(b.id, 300);
  assert.deepEqual([names(tracker.containers), names(tracker.ended)], [['a'], []]);
});

test('Tracker: a list takes away who is not in it, and keeps unchanged objects', () => {
  const tracker = tracking(a, b);
  tracker.replaceAll([{ ...b }], 0);
  assert.equal(tracker.get(b.id), b);
  assert.deepEqual(names(tracker.lingering), ['a']);
});

test('Tracker: linger 0 forgets at once', () => {
  const tracker = new Tracker(0);
  tracker.put(a, 0);
  tracker.gone(a.id, 0);
  assert.deepEqual(tracker.lingering, []);
});

test('Tracker: one that was told to stop drains until it runs again, as long as it lingers', () => {
  const tracker = tracking(a, b);
  tracker.drain(a.id, 0);
  assert.deepEqual([tracker.isDraining(a.id), tracker.isDraining(b.id)], [true, false]);
  tracker.put({ ...a, health: 'unhealthy' }, 100);
  assert.ok(tracker.isDraining(a.id), 'it still runs');
  tracker.put({ ...a, state: 'exited' }, 200);
  assert.equal(tracker.nextExpiryAt, 10_200);
  tracker.put(a, 300);
  assert.ok(!tracker.isDraining(a.id), 'restarted');
  tracker.drain(a.id, 400);
  tracker.gone(a.id, 500);
  assert.ok(tracker.isDraining(a.id));
  assert.equal(tracker.expire(10_500), true);
  assert.ok(!tracker.isDraining(a.id));
  assert.equal(tracker.nextExpiryAt, Infinity);
});

test('Tracker: one that was told to stop and goes on is believed after 30 seconds', () => {
  const tracker = tracking(a);
  tracker.drain(a.id, 0);
  assert.equal(tracker.nextExpiryAt, 30_000);
  assert.equal(tracker.expire(29_999), false);
  assert.equal(tracker.expire(30_000), true);
  assert.ok(!tracker.isDraining(a.id));
});

test('Tracker: who starts again between two looks drains no more; who does not run never does', () => {
  const tracker = tracking(a, { ...b, state: 'exited' });
  tracker.drain(a.id, 0);
  tracker.resumed(a.id);
  tracker.drain(b.id, 0);
  assert.deepEqual([tracker.isDraining(a.id), tracker.isDraining(b.id)], [false, false]);
});
