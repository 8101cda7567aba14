import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeOf, nodeOfSubjectText, withoutPemHeaders } from './node-certificate.ts';

const MANAGER = { cluster: 'c1', role: 'manager', nodeId: 'n1' } as const;

const CASES: readonly [string, ReturnType<typeof nodeOf>][] = [
  ['O=c1\nOU=swarm-manager\nCN=n1', MANAGER],
  ['O=c1\nOU=swarm-worker\nCN=n1', { ...MANAGER, role: 'worker' }],
  ['O=c1\nOU=swarm-ca\nCN=n1', undefined],
  ['OU=swarm-manager\nCN=n1', undefined],
  ['O=\nOU=swarm-manager\nCN=n1', undefined],
  ['O=c1\nOU=swarm-worker\nOU=swarm-manager\nCN=n1', undefined],
  ['CN=swarm-ca', undefined],
];
for (const [text, expected] of CASES) {
  test(`nodeOfSubjectText(): ${JSON.stringify(text)}`, () =>
    assert.deepEqual(nodeOfSubjectText(text), expected));
}

test('nodeOf(): a part that is there twice, as Node.js gives it, is nobody', () => {
  assert.equal(nodeOf({ O: 'c1', OU: ['swarm-worker', 'swarm-manager'], CN: 'n1' }), undefined);
});

test("withoutPemHeaders(): a manager's key as the engine writes it; other keys stay", () => {
  const plain = '-----BEGIN PRIVATE KEY-----\nMIGH\nAgEA\n-----END PRIVATE KEY-----\n';
  const own = plain.replace('\nMIGH', '\nkek-version: 0\nraft-dek: EiC6qU+/SA==\n\nMIGH');
  assert.equal(withoutPemHeaders(own), plain);
  assert.equal(withoutPemHeaders(plain), plain);
});
