import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventFromApi, goesOn, isPaused, willStop } from './event.ts';

const message = (fields: object): object => ({
  Type: 'container',
  Action: 'start',
  Actor: { ID: 'c1', Attributes: { name: 'web-1', image: 'lab/web:1', 'portcullis.port': '80' } },
  time: 1_700_000_000,
  timeNano: 1_700_000_000_123_456_800,
  ...fields,
});

test('eventFromApi(): a container starts', () => {
  assert.deepEqual(eventFromApi(message({})), {
    kind: 'container',
    action: 'start',
    id: 'c1',
    name: 'web-1',
    attributes: { name: 'web-1', image: 'lab/web:1', 'portcullis.port': '80' },
    timeNano: 1_700_000_000_123_456_800,
  });
});

test('eventFromApi(): the health stands in the action', () => {
  const event = eventFromApi(message({ Action: 'health_status: unhealthy' }));
  assert.equal(event?.action, 'health_status');
  assert.equal(event?.health, 'unhealthy');
});

test('eventFromApi(): Podman removes a container', () => {
  assert.equal(eventFromApi(message({ Action: 'remove' }))?.action, 'destroy');
});

test('eventFromApi(): a network is left', () => {
  const event = eventFromApi(
    message({
      Type: 'network',
      Action: 'disconnect',
      Actor: { ID: 'n1', Attributes: { container: 'c1', name: 'app', type: 'bridge' } },
    }),
  );
  assert.deepEqual(
    [event?.kind, event?.id, event?.name, event?.attributes['container']],
    ['network', 'n1', 'app', 'c1'],
  );
});

test('eventFromApi(): other kinds are none of ours', () => {
  assert.equal(eventFromApi(message({ Type: 'image' })), undefined);
});

test('eventFromApi(): no attributes', () => {
  assert.equal(eventFromApi(message({ Actor: { ID: 'c1', Attributes: null } }))?.name, '');
});

test('eventFromApi(): refuses what is no event', () => {
  assert.throws(() => eventFromApi({}), {
    message: 'Docker event: Type must be text, but is missing',
  });
  assert.throws(() => eventFromApi([]), {
    message: 'Docker event must be an object, but is a list',
  });
  assert.throws(() => eventFromApi(message({ timeNano: 'now' })), { name: 'ShapeError' });
});

/** [action, signal, is it about to stop, does it go on] */
const ENDINGS: readonly [string, string | undefined, boolean, boolean][] = [
  ['kill', '15', true, false],
  ['kill', '9', true, false],
  ['kill', '3', true, false],
  ['kill', '1', false, false],
  ['kill', '10', false, false],
  ['kill', undefined, false, false],
  ['pause', undefined, false, false],
  ['die', undefined, false, false],
  ['start', undefined, false, true],
  ['unpause', undefined, false, true],
];
for (const [action, signal, stops, on] of ENDINGS) {
  test(`willStop(), goesOn(): ${action} ${signal ?? ''}`, () => {
    const Attributes = { name: 'web-1', ...(signal !== undefined && { signal }) };
    const event = eventFromApi(message({ Action: action, Actor: { ID: 'c1', Attributes } }));
    assert.ok(event);
    assert.deepEqual([willStop(event), goesOn(event)], [stops, on]);
    assert.equal(isPaused(event), action === 'pause');
  });
}
