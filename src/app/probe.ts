/** Sends the packets of `audit --probe`, and says what the rules say of each. */
import type { Run } from '../adapters/run.ts';
import { readHost } from '../adapters/read-host.ts';
import { inviteStranger, type Stranger } from '../adapters/stranger.ts';
import type { Dial } from '../adapters/stranger-dial.ts';
import type { Exposure } from '../core/exposure/exposure.ts';
import type { Evidence } from '../core/exposure/findings.ts';
import { arrives } from '../core/exposure/reachable.ts';
import { hexAddress } from '../core/rules/address-range.ts';
import { travelHost, type HostFacts } from '../core/rules/host-facts.ts';
import { hooksOf } from '../core/rules/hooks.ts';
import { travel } from '../core/rules/journey.ts';
import { PROTOCOLS } from '../core/rules/packet.ts';
import type { World } from './outside.ts';

/** What became of the stranger's packet, and what the rules say of it. */
export type Met = Pick<Evidence, 'answer' | 'predicted'>;
export const NOTHING_MET: Met = { answer: undefined, predicted: undefined };

/** @throws {PortcullisError} `probe-impossible` */
export async function probed(
  paths: readonly Exposure[],
  run: Run,
  { world, progress }: { world: World; progress: (count: number, of: number) => void },
): Promise<ReadonlyMap<Exposure, Met>> {
  const stranger = await inviteStranger(run);
  try {
    const asked = paths.flatMap((path) => {
      const to = dialFor(path, stranger.host);
      return to === undefined ? [] : [{ path, to }];
    });
    const facts = await readHost(run);
    const answers = await stranger.dial(
      asked.map(({ to }) => to),
      (count) => progress(count, asked.length),
    );
    const predict = predictor(world, facts, stranger);
    return new Map(
      asked.map(({ path, to }, index) => [
        path,
        { answer: answers[index] ?? 'unsent', predicted: predict(path, to) },
      ]),
    );
  } finally {
    await stranger.leave();
  }
}

/** What the rules say of the very packet that the stranger sends. */
function predictor(
  { rules, listening, readable }: World,
  facts: HostFacts,
  { link, guest }: Stranger,
): (path: Exposure, to: Dial) => Evidence['predicted'] {
  const hooks = hooksOf(rules.bases);
  const host = travelHost(facts);
  return (path, { protocol, address, port }) => {
    if (!readable) return undefined;
    const daddr = hexAddress(address.replace(/%.*/, ''));
    const family = address.includes(':') ? 'v6' : 'v4';
    const from = address.startsWith('fe80') ? guest.linkLocal : guest[family];
    const journeys = travel(
      hooks,
      {
        family,
        protocol: PROTOCOLS[protocol] ?? 0,
        iif: link,
        saddr: hexAddress(from),
        daddr,
        sport: EPHEMERAL_PORT,
        dport: port,
      },
      host,
    );
    const passed = journeys.filter((journey) => arrives(journey, path, listening)).length;
    if (passed === journeys.length) return 'passes';
    return passed === 0 && journeys.every(({ fate }) => fate !== 'unknown')
      ? 'is dropped'
      : 'unknown';
  };
}

const EPHEMERAL_PORT = 49_999;

function dialFor({ path, protocol, target }: Exposure, host: Stranger['host']): Dial | undefined {
  if (target === undefined || protocol === 'sctp') return undefined;
  const { port } = target;
  if (target.address === 'link-local') return { protocol, port, address: host.linkLocal };
  if (target.address !== 'host') return { protocol, port, address: target.address };
  return { protocol, port, address: path.endsWith('-v6') ? host.v6 : host.v4 };
}
