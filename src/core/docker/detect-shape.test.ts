import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readContainers } from './detect-shape.ts';

const LISTED = { Id: 'c1', Names: ['/web'], Created: 1, State: 'running', Ports: [] };
const INSPECTED = {
  Id: 'c1',
  Name: '/web',
  Created: '2026-01-02T03:04:05Z',
  State: { Status: 'running' },
  Config: {},
};
const NETWORK = { Id: 'n1', Name: 'app', Driver: 'bridge', IPAM: {} };
const COMPOSE = { name: 'shop', services: { web: { image: 'x' } } };

const cases: readonly [title: string, json: unknown, shape: string, names: readonly string[]][] = [
  ['an empty array is a list', [], 'list', []],
  ['GET /containers/json', [LISTED], 'list', ['web']],
  ['docker inspect', [INSPECTED], 'inspect', ['web']],
  ['one inspect answer alone', INSPECTED, 'inspect', ['web']],
  ['docker inspect of containers and networks', [INSPECTED, NETWORK], 'inspect', ['web', 'app']],
  ['docker compose config', COMPOSE, 'compose', ['shop-web-1']],
];
for (const [title, json, shape, names] of cases) {
  test(`readContainers(): ${title}`, () => {
    const read = readContainers(json);
    assert.equal(read.shape, shape);
    assert.deepEqual(
      [...read.containers, ...read.networks].map(({ name }) => name),
      names,
    );
  });
}

const EXPECTED =
  'it must be a docker inspect array, a GET /containers/json array, or docker compose config --format json';
const errors: readonly [title: string, json: unknown, message: string][] = [
  ['null', null, `this is not a description of containers: ${EXPECTED}`],
  ['text', 'x', `this is not a description of containers: ${EXPECTED}`],
  ['Docker’s own error', { message: 'x' }, `this is not a description of containers: ${EXPECTED}`],
  ['a list of numbers', [1], `element 0 of the array does not describe a container: ${EXPECTED}`],
  [
    'an image’s inspect answer',
    [{ Id: 'sha256:1', RepoTags: [], Config: {} }],
    `element 0 of the array does not describe a container: ${EXPECTED}`,
  ],
  [
    'a list after an inspect answer',
    [INSPECTED, LISTED],
    `element 1 of the array does not describe a container: ${EXPECTED}`,
  ],
  [
    'a line of docker ps',
    { ID: 'c1', Names: 'web', Ports: '' },
    'this is what docker ps prints, which lacks the labels as they are; use docker inspect $(docker ps -q)',
  ],
];
for (const [title, json, message] of errors) {
  test(`readContainers(): refuses ${title}`, () => {
    assert.throws(() => readContainers(json), { name: 'ShapeError', message });
  });
}
