import type { Socket } from 'node:net';

/** Connections that have not shown a certificate yet. */
const MOST_PENDING = 128;
const MOST_PENDING_OF_ONE = 8;

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/**
 * Keeps those who connect and show no certificate from taking the places of those who do: few at a
 * time from one address, and where there are many the oldest makes room.
 */
export class PendingConnections {
  readonly #pending = new Map<string, Socket>();

  get size(): number {
    return this.#pending.size;
  }

  add(socket: Socket): void {
    const sameAddress = [...this.#pending.values()].filter(
      ({ remoteAddress }) => remoteAddress === socket.remoteAddress,
    );
    if (sameAddress.length >= MOST_PENDING_OF_ONE) {
      socket.destroy();
      return;
    }
    const [oldest] = this.#pending.values();
    if (this.#pending.size >= MOST_PENDING) oldest?.destroy();
    const key = keyOf(socket);
    this.#pending.set(key, socket);
    socket.once('close', () => {
      if (this.#pending.get(key) === socket) this.#pending.delete(key);
    });
  }

  /** It has shown its certificate. @param socket the TLS socket over the one that was added */
  admit(socket: Socket): void {
    this.#pending.delete(keyOf(socket));
  }
}
