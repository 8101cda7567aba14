import { passHook, type World } from './hooks.ts';
import { INVALID, SYN_ACK, type Packet } from './packet.ts';
import { follow, type Way } from './way.ts';

/** The way back of what was heard first. `packet` is what arrived; so is what is answered with. */
export function answer(
  world: World,
  packet: Packet,
  from: 'prerouting' | 'output',
): readonly Way[] {
  const { host } = world;
  const out = host.routeTo(packet.saddr) ?? packet.iif;
  const reply: Packet = {
    ...packet,
    saddr: packet.daddr,
    daddr: packet.saddr,
    sport: packet.dport,
    dport: packet.sport,
    tcpFlags: packet.tcpFlags === 0 ? 0 : SYN_ACK,
    mark: 0,
    tracking: 'none',
    ctState: INVALID,
    direction: packet.tracking === 'untracked' ? 'original' : 'reply',
    iif: from === 'prerouting' ? packet.oif : '',
    oif: from === 'prerouting' ? '' : out,
  };
  const ways =
    from === 'output'
      ? passHook(world, 'output', reply)
      : passHook(world, 'prerouting', reply).flatMap((way) =>
          follow(way, (each) => passHook(world, 'forward', { ...each, oif: out })),
        );
  return ways
    .flatMap((way) => follow(way, (each) => passHook(world, 'postrouting', each)))
    .map((way): Way => {
      if (way.fate === 'travels' && packet.dnat && way.packet.tracking === 'untracked') {
        const by = 'a rule leaves tracking out for the answer, which so comes from another address';
        return { ...way, packet, fate: 'answer-dropped', by };
      }
      const fate = way.fate === 'dropped' || way.fate === 'rejected' ? 'answer-dropped' : way.fate;
      return { ...way, fate, packet };
    });
}
