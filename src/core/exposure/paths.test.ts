import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_RULES } from '../firewall/ruleset.ts';
import { container, port } from '../testing/container.ts';
import { exposures } from './paths.ts';

test('exposures(): a port that is asked for and published is one', () => {
  const web = container('web', { ports: ['8080:80'], portBindings: [port('8080:80')] });
  const snapshot = { containers: [web], networks: [] };
  assert.deepEqual(
    exposures(snapshot, NO_RULES, () => undefined).map(({ path, bind }) => [path, bind]),
    [['published-v4', '0.0.0.0:8080']],
  );
});
