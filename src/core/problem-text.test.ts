import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemKind } from './problem-text.ts';

const problem = { container: 'a', label: '', reason: 'x' };

test('problemKind(): what is served all the same is not called rejected', () => {
  assert.equal(problemKind(problem), 'rejected');
  assert.equal(problemKind({ ...problem, served: true }), 'warning');
  assert.equal(problemKind({ ...problem, quarantined: true }), 'quarantined');
});
