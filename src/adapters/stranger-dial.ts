import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Answer } from '../core/exposure/exposure.ts';

export type Dial = {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
};

const WAIT_MS = 1_200; // one retransmission of a lost SYN is seen

export const dial = (to: Dial): Promise<Answer> =>
  to.protocol === 'tcp' ? dialTcp(to) : dialUdp(to);

const dialTcp = ({ address, port }: Dial): Promise<Answer> =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end('silent'), WAIT_MS);
    socket.once('connect', () => end('connected'));
    socket.once('error', (error) => end(answerOf(error)));
  });

/** Only a reply shows that a datagram arrived. */
const dialUdp = ({ address, port }: Dial): Promise<Answer> =>
  new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    let ended = false;
    const end = (answer: Answer): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end('silent'), WAIT_MS);
    socket.once('message', () => end('connected'));
    socket.on('error', (error) => end(answerOf(error)));
    socket.connect(port, address, (error?: Error) => {
      if (error) end(answerOf(error));
      else socket.send('portcullis audit\n', (failed) => failed && end(answerOf(failed)));
    });
  });

function answerOf(error: Error): Answer {
  const code = 'code' in error ? error.code : '';
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'refused';
  return code === 'ETIMEDOUT' ? 'silent' : 'unsent';
}
