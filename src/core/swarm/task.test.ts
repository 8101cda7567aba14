import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerOf } from '../owner.ts';
import { container } from '../testing/container.ts';
import { taskService, taskServiceId } from './task.ts';

const NODE = 'j3a7fix6rwzfcjj61m6ujfj02';
const TASK = 'c3ecqur98jeonlh8f1zivwnxw';
const NAME = `shop_web.1.${TASK}`;
const LABELS = {
  'com.docker.swarm.node.id': NODE,
  'com.docker.swarm.service.id': 's1',
  'com.docker.swarm.service.name': 'shop_web',
  'com.docker.swarm.task': '',
  'com.docker.swarm.task.id': TASK,
  'com.docker.swarm.task.name': NAME,
};
const without = (key: string): Record<string, string> =>
  Object.fromEntries(Object.entries(LABELS).filter(([name]) => name !== `com.docker.swarm.${key}`));

const CASES: readonly [
  title: string,
  name: string,
  labels: object,
  expected: string | undefined,
][] = [
  ['a task', NAME, LABELS, 'shop_web'],
  [
    'a task of a global service',
    `shop_web.${NODE}.${TASK}`,
    { ...LABELS, 'com.docker.swarm.task.name': `shop_web.${NODE}.${TASK}` },
    'shop_web',
  ],
  ['no labels', NAME, {}, undefined],
  ['a container of another name', 'web', LABELS, undefined],
  [
    'a name and labels that agree on a name that is no task',
    'shop_web',
    { ...LABELS, 'com.docker.swarm.task.name': 'shop_web' },
    undefined,
  ],
  [
    'a service that is not the one of the name',
    NAME,
    { ...LABELS, 'com.docker.swarm.service.name': 'shop_db' },
    undefined,
  ],
  [
    'a slot that is none',
    `shop_web.x.${TASK}`,
    { ...LABELS, 'com.docker.swarm.task.name': `shop_web.x.${TASK}` },
    undefined,
  ],
  ...['node.id', 'service.id', 'service.name', 'task.id', 'task.name'].map(
    (key): [string, string, object, undefined] => [`no ${key}`, NAME, without(key), undefined],
  ),
];

for (const [title, name, labels, expected] of CASES) {
  test(`taskService(): ${title}`, () => {
    const given = container(name, { labels: { ...labels } });
    assert.equal(taskService(given), expected);
    // Only a task shares its host and path with the others of its service.
    const owner = expected === undefined ? `container ${name}` : `Swarm service ${expected}`;
    assert.equal(ownerOf(given, undefined), owner);
  });
}

test('ownerOf(): a stack does not join a Compose service by labels in its file', () => {
  const forged = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
  const given = container(NAME, { labels: { ...LABELS, ...forged } });
  assert.equal(ownerOf(given, undefined), `container ${NAME}`);
});

test('taskServiceId(): only on the node whose task it is', () => {
  const given = container(NAME, { labels: LABELS });
  assert.equal(taskServiceId(given, NODE), 's1');
  assert.equal(taskServiceId(given, 'another'), undefined);
});
