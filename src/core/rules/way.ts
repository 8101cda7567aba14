/** A packet at some point of its way through the hooks, and how one step follows another. */
import type { Packet } from './packet.ts';

export type Fate =
  /** Sent on to `oif`: to a container, where that is one's bridge. */
  | 'forwarded'
  /** Given to a process of the host. */
  | 'delivered'
  | 'dropped'
  | 'rejected'
  /** It got in, and its answer, TCP's second packet, does not get out. */
  | 'answer-dropped'
  /** The kernel itself takes no such packet: 127.0.0.1 from a wire, no route, forwarding off. */
  | 'refused-by-kernel'
  | 'unknown';

/** On its way, or at its end. */
export type Way = {
  readonly packet: Packet;
  readonly fate: Fate | 'travels';
  readonly by: string;
  readonly table: string;
  readonly unjudged: readonly string[];
};

export const follow = (way: Way, next: (packet: Packet) => readonly Way[]): readonly Way[] =>
  way.fate !== 'travels'
    ? [way]
    : next(way.packet).map((each) => ({
        ...each,
        unjudged: [...new Set([...way.unjudged, ...each.unjudged])],
      }));

export const travels = (packet: Packet): Way => ({
  packet,
  fate: 'travels',
  by: '',
  table: '',
  unjudged: [],
});
