import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventFromApi } from './event.ts';

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
