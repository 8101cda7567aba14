import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearLabels } from './near-labels.ts';

const CASES: readonly [label: string, prefix: string, meant: string | undefined][] = [
  ['portcullis.host', 'portcullis', undefined],
  ['Portcullis.host', 'portcullis', undefined], // refused with its reason
  ['portculis.host', 'portcullis', 'portcullis.host'],
  ['portcullus.web.host', 'portcullis', 'portcullis.web.host'],
  ['PORTCULIS.host', 'portcullis', 'portcullis.host'],
  ['portcullis', 'portcullis', 'portcullis.enable'],
  ['Portcullis', 'portcullis', 'portcullis.enable'],
  ['portcullis.', 'portcullis', 'portcullis.enable'],
  ['porticus.host', 'portcullis', undefined],
  ['traefik.enable', 'portcullis', undefined],
  ['com.docker.compose.project', 'portcullis', undefined],
  ['org.gates.host', 'org.gate', 'org.gate.host'],
  ['org.gate', 'org.gate', 'org.gate.enable'],
  ['org.other.host', 'org.gate', undefined],
  ['ab.host', 'pc', undefined], // too short to guess
  ['__proto__', 'portcullis', undefined],
];

for (const [label, prefix, meant] of CASES) {
  const what = meant === undefined ? 'is none that is meant as ours' : `is meant as ${meant}`;
  test(`nearLabels(): ${label} with the prefix ${prefix} ${what}`, () => {
    assert.deepEqual(
      nearLabels({ [label]: 'x' }, prefix),
      meant === undefined ? [] : [{ label, meant }],
    );
  });
}
