import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concerns, monitorLines, type FirewallChange } from './monitor-lines.ts';

const read = (text: string): readonly FirewallChange[] =>
  text
    .split('\n')
    .flatMap(monitorLines())
    .flatMap((change) => (change ? [change] : []));

test('monitorLines(): names the tables, the process and its program', () => {
  const text = `delete table inet portcullis
add rule ip mangle PREROUTING counter packets 0 bytes 0 jump PORTCULLIS-PRE
# new generation 182 by process 14339 (iptables)
add element inet portcullis held { tcp . 8080 }
# new generation 183 by process 14340 (nft (x) y)
# new generation 184`;
  assert.deepEqual(read(text), [
    { generation: 182, pid: 14339, program: 'iptables', tables: ['inet portcullis', 'ip mangle'] },
    { generation: 183, pid: 14340, program: 'nft (x) y', tables: ['inet portcullis'] },
    { generation: 184, pid: undefined, program: '', tables: [] },
  ]);
});

test('monitorLines(): a line of another shape changes nothing', () => {
  assert.deepEqual(read('table inet portcullis\n\nset x {'), []);
});

test('monitorLines(): lost messages concern every table', () => {
  const changes = read(
    '# ERROR: We lost some netlink events!\nadd table ip theirs\n# new generation 2 by process 1 (nft)',
  );
  assert.deepEqual(
    changes.map((change) => concerns(change, ['inet portcullis'])),
    [true, false],
  );
});
