/**
 * A name server on 127.0.0.1 and ::1: `node name-server.js <JSON of address by name>`. It prints "ready",
 * then "asked <name>" for each question. Names below slow.example it answers after nine seconds.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const SLOW_MS = 9_000;
const A = 1;

/** RFC 1035, 4.1. */
function nameIn(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; question[at]; at += (question[at] ?? 0) + 1) {
    labels.push(question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)));
  }
  return labels.join('.').toLowerCase();
}

function answer(
  query: Buffer,
  question: Buffer,
  { known, address }: { known: boolean; address: string | undefined },
): Buffer {
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(known ? 0x81_80 : 0x81_83, 2); // an answer: fine, or no such name
  header.writeUInt16BE(1, 4);
  if (address === undefined) return Buffer.concat([header, question]);
  header.writeUInt16BE(1, 6);
  const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4]);
  return Buffer.concat([header, question, record, Buffer.from(address.split('.').map(Number))]);
}

const addresses = new Map<string, string>(Object.entries(JSON.parse(process.argv[2] ?? '{}')));

for (const [type, listen] of [
  ['udp4', '127.0.0.1'],
  ['udp6', '::1'],
] as const) {
  const socket = createSocket(type);
  socket.on('message', (query, { address: client, port }) => {
    const name = nameIn(query.subarray(12));
    const question = query.subarray(12, 12 + name.length + 2 + 4);
    console.log(`asked ${name}`);
    const address = addresses.get(name);
    const isA = question.readUInt16BE(question.length - 4) === A;
    const text = answer(query, question, {
      known: address !== undefined,
      address: isA ? address : undefined,
    });
    const wait = name.endsWith('.slow.example') ? SLOW_MS : 0;
    void delay(wait).then(() => socket.send(text, port, client));
  });
  socket.bind(53, listen);
  await once(socket, 'listening');
}
console.log('ready');
