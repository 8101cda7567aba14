import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenersFrom } from './listeners.ts';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0
   1: 0100007F:A1B2 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000000000000000 20 4 30 10 -1
`;

test('listenersFrom(): sockets that listen, and no connection', () => {
  assert.deepEqual(listenersFrom(TCP, 'tcp'), [
    { protocol: 'tcp', port: 53, address: '0100007F', inode: '12345' },
  ]);
  assert.deepEqual(listenersFrom(TCP, 'udp'), []);
});
