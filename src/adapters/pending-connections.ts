import type { Socket } from 'node:net';

/** Connections that have not shown a certificate yet. */
const MOST_PENDING = 128;
const MOST_PENDING_OF_ONE = 8;

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/**
 * Keeps those who connect and show no certificate from taking the places of those who do: the oldest
 * makes room, first among those of the same address.
 */
export class PendingConnections {
  readonly #pending = new Map<string, Socket>();

  add(socket: Socket): void {
    const ofOne = [...this.#pending.values()].filter(
      ({ remoteAddress }) => remoteAddress === socket.remoteAddress,
    );
    if (ofOne.length >= MOST_PENDING_OF_ONE) this.#drop(ofOne[0]);
    const [oldest] = this.#pending.values();
    if (this.#pending.size >= MOST_PENDING) this.#drop(oldest);
    const key = keyOf(socket);
    this.#pending.set(key, socket);
    socket.once('close', () => {
      if (this.#pending.get(key) === socket) this.#pending.delete(key);
    });
  }

  #drop(socket: Socket | undefined): void {
    if (!socket) return;
    this.#pending.delete(keyOf(socket));
    socket.destroy();
  }

  /** It has shown its certificate. @param socket the TLS socket over the one that was added */
  admit(socket: Socket): void {
    this.#pending.delete(keyOf(socket));
  }
}
