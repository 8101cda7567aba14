import type { IpProtocol } from './model.ts';

/** A socket of the host that takes what comes to it. */
export type Listener = {
  readonly protocol: IpProtocol;
  readonly port: number;
  /** Address as /proc/net writes it: 8 or 32 hexadecimal digits in the machine's byte order. */
  readonly address: string;
  readonly inode: string;
};

/** proc(5): state 0A is LISTEN; a UDP socket without a peer is 07. */
const TAKES: Readonly<Record<string, string>> = { tcp: '0A', udp: '07' };

/** Reads the text of /proc/net/tcp, tcp6, udp or udp6. */
export function listenersFrom(text: string, protocol: 'tcp' | 'udp'): readonly Listener[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    if (state !== TAKES[protocol] || port === '') return [];
    return [{ protocol, port: Number.parseInt(port, 16), address, inode }];
  });
}
