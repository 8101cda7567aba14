import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container, port } from '../testing/container.ts';
import { contestedPorts, SteadyListeners, withoutForeign, withResting } from './resting.ts';

const ended = container('db', { state: 'exited', portBindings: [port('0.0.0.0:5432:5432')] });
const onHost = container('metrics', { state: 'exited', networkMode: 'host' });
const access = {
  containerId: onHost.id,
  hostNetworkPorts: [{ port: 9100, protocol: 'tcp' as const }],
  public: undefined,
};
const created = container('next', { state: 'created', portBindings: [port('0.0.0.0:22:22')] });
const snapshot = { containers: [ended, onHost, created, container('web')], networks: [] };
const accessOf = ({ id }: { id: string }) => (id === onHost.id ? access : undefined);
const names = (taken: readonly string[]): readonly string[] =>
  withResting(snapshot, new Set(taken), accessOf).containers.map(
    ({ name, state }) => `${name} ${state}`,
  );

for (const [title, taken, expected] of [
  ['keep their ports', [], ['db created', 'metrics created', 'next created', 'web running']],
  [
    'lose them to another program',
    ['tcp 5432'],
    ['metrics created', 'next created', 'web running'],
  ],
  [
    'of the host network too',
    ['tcp 9100', 'udp 5432'],
    ['db created', 'next created', 'web running'],
  ],
  ['cannot take SSH', ['tcp 22'], ['db created', 'metrics created', 'web running']],
] as const) {
  test(`containers that do not run ${title}`, () => assert.deepEqual(names(taken), expected));
}

test('contestedPorts(): what listens on the port of a container that does not run', () => {
  const listening = new Set(['tcp 22', 'tcp 9100', 'tcp 80']);
  assert.deepEqual([...contestedPorts(snapshot, listening, accessOf)], ['tcp 9100', 'tcp 22']);
  const running = { containers: [{ ...onHost, state: 'running' as const }], networks: [] };
  assert.deepEqual([...contestedPorts(running, listening, accessOf)], ['tcp 9100']);
});

test('withoutForeign(): a label closes and opens no port of another program', () => {
  const running = container('metrics', { networkMode: 'host' });
  const asked = {
    ...access,
    containerId: running.id,
    hostNetworkPorts: [...access.hostNetworkPorts, { port: 22, protocol: 'tcp' as const }],
    public: { ports: [{ port: 22, protocol: 'tcp' as const }], from: [] },
  };
  const strip = (foreign: readonly string[], each = running) =>
    withoutForeign(each, asked, { foreign: new Set(foreign), containers: [each] });
  const { access: left, problems } = strip(['tcp 22']);
  assert.deepEqual([left.hostNetworkPorts, left.public?.ports], [access.hostNetworkPorts, []]);
  assert.deepEqual(
    problems.map(({ reason }) => reason),
    [
      "names the host's port 22/tcp, on which a program listens that is no container's: the firewall leaves it as it is",
    ],
  );
  assert.equal(strip(['tcp 80']).access, asked);
  assert.equal(strip(['tcp 22'], container('metrics')).access, asked, 'not on the host network');
});

test('SteadyListeners: what listens at the first look counts at once, later ones after a second', () => {
  const listeners = new SteadyListeners();
  assert.deepEqual([...listeners.look(new Set(['tcp 22']), 0).steady], ['tcp 22']);
  const second = listeners.look(new Set(['tcp 22', 'tcp 80']), 5_000);
  assert.deepEqual([[...second.steady], second.againMs], [['tcp 22'], 1_000]);
  assert.deepEqual(
    [...listeners.look(new Set(['tcp 22', 'tcp 80']), 6_000).steady],
    ['tcp 22', 'tcp 80'],
  );
  assert.deepEqual([...listeners.look(new Set(['tcp 80']), 6_500).steady], ['tcp 80']);
  assert.deepEqual([...listeners.look(new Set(['tcp 22', 'tcp 80']), 7_000).steady], ['tcp 80']);
});
