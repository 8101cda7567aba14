/** What is said of a live ruleset of anybody, held against packets: random rulesets, none of them ours. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readHost } from '../../src/adapters/read-host.ts';
import { readRules } from '../../src/adapters/read-rules.ts';
import { hexAddress } from '../../src/core/rules/address-range.ts';
import { travelHost } from '../../src/core/rules/host-facts.ts';
import { hooksOf } from '../../src/core/rules/hooks.ts';
import { travel, type Journey } from '../../src/core/rules/journey.ts';
import { openWire, type Wire } from '../lab/wire.ts';
import { requireLab } from '../lab/requirements.ts';
import { randomOf, type Random } from '../support/random.ts';
import { randomNftTable, randomTable } from '../support/random-rules.ts';

requireLab();

const ROUNDS = 50;
const SEED = Number(process.env['LAB_SEED'] ?? 20_261_124);

type Knock = {
  readonly from: 'outside' | 'second';
  readonly protocol: 'tcp' | 'udp';
  readonly source: string;
  readonly to: string;
  readonly port: number;
};

const knocks = (linkLocal: string): readonly Knock[] => {
  const all: Knock[] = [];
  const add = (
    from: Knock['from'],
    source: string,
    to: string,
    tcp: readonly number[],
    udp: readonly number[] = [],
  ): void => {
    all.push(...tcp.map((port): Knock => ({ from, source, to, port, protocol: 'tcp' })));
    all.push(...udp.map((port): Knock => ({ from, source, to, port, protocol: 'udp' })));
  };
  add('outside', '198.51.100.10', '198.51.100.1', [22, 8080, 8443, 9000, 9998, 9999], [5353, 5354]);
  add('outside', '198.51.100.66', '198.51.100.1', [8080, 8443, 9000], [5353]);
  add('outside', '198.51.100.10', '172.17.0.3', [80, 81], [53]);
  add('outside', '198.51.100.66', '172.17.0.2', [80]);
  add('outside', '2001:db8:1::10', '2001:db8:1::1', [22, 8080, 8443, 9000]);
  add('outside', '2001:db8:1::10', 'fd00:17::3', [80, 81]);
  add('outside', 'link-local', linkLocal, [8080, 9000]);
  add('second', '203.0.113.10', '203.0.113.1', [22, 8080, 9000], [5353]);
  add('second', '203.0.113.10', '172.17.0.3', [80]);
  add('second', '203.0.113.10', '127.0.0.1', [1234]);
  return all;
};

/** What answers where: everything that `openWire` lets listen. */
const ANSWERS: Readonly<Record<string, string>> = {
  '172.17.0.2 tcp 80': 'web',
  'fd00:17::2 tcp 80': 'web',
  '172.17.0.3 tcp 80': 'db',
  'fd00:17::3 tcp 80': 'db',
  '172.17.0.3 tcp 81': 'db-81',
  'fd00:17::3 tcp 81': 'db-81',
  '172.17.0.3 udp 53': 'db-53',
  'host tcp 22': 'ssh',
  'host tcp 9000': 'host-network',
  'host tcp 8080': 'proxy',
  'host udp 5354': 'proxy-udp',
};
const AT = new Map(
  Object.entries(ANSWERS).map(([key, says]) => {
    const [address = '', protocol = '', port = ''] = key.split(' ');
    return [`${address === 'host' ? 'host' : hexAddress(address)} ${protocol} ${port}`, says];
  }),
);

function meant({ fate, packet }: Journey, protocol: string): string | undefined {
  if (fate === 'unknown') return undefined;
  if (fate !== 'forwarded' && fate !== 'delivered') return '';
  const where = fate === 'delivered' ? 'host' : packet.daddr;
  return AT.get(`${where} ${protocol} ${packet.dport}`) ?? '';
}

type Round = {
  readonly seed: number;
  readonly knock: Knock;
  readonly said: string;
  readonly heard: string;
};

async function load(
  wire: Wire,
  variant: 'nft' | 'legacy',
  random: Random,
  saved: Saved,
): Promise<string> {
  const texts: string[] = [];
  const run = async (argv: readonly string[], stdin: string): Promise<void> => {
    texts.push(`${argv.join(' ')}\n${stdin}`);
    const { code, stderr } = await wire.host.run(argv, { stdin });
    assert.equal(code, 0, `${stderr}\n${stdin}`);
  };
  if (variant === 'nft') await run(['nft', 'flush', 'ruleset'], '');
  else
    for (const name of ['stranger0', 'stranger1'])
      await wire.host.run(['nft', 'delete', 'table', 'inet', name]);
  for (const family of ['v4', 'v6'] as const) {
    const command = `${family === 'v4' ? 'iptables' : 'ip6tables'}-${variant}-restore`;
    await run(
      [command],
      ['raw', 'mangle', 'nat', 'filter']
        .map((table) => tableText(random, { family, table, saved }))
        .join(''),
    );
  }
  const tables = [0, 1]
    .filter(() => random.chance(0.5))
    .map((at) => randomNftTable(random, `stranger${at}`));
  if (tables.length > 0) await run(['nft', '-f', '-'], tables.join(''));
  return texts.join('\n');
}

type Saved = Readonly<Record<'v4' | 'v6', ReadonlyMap<string, readonly string[]>>>;

/** Docker's own rules, with others before and after. */
function tableText(
  random: Random,
  { family, table, saved }: { family: 'v4' | 'v6'; table: string; saved: Saved },
): string {
  const { chains, before, after } = randomTable(random, family, table);
  const own = saved[family].get(table) ?? [];
  const policy =
    table === 'filter' && random.chance(0.2)
      ? `:${random.pick(['FORWARD', 'INPUT'])} DROP [0:0]\n`
      : '';
  return [
    `*${table}`,
    ...chains,
    ...own.filter((line) => line.startsWith(':')),
    `${policy}${before.join('\n')}`,
    ...own.filter((line) => line.startsWith('-A')),
    ...after,
    'COMMIT',
    '',
  ]
    .filter((line, at, all) => line !== '' || at === all.length - 1)
    .join('\n');
}

async function savedRules(wire: Wire, variant: string): Promise<Saved> {
  const read = async (command: string): Promise<ReadonlyMap<string, readonly string[]>> => {
    const text = await wire.host.ok([command]);
    return new Map(
      text
        .split(/^(?=\*)/m)
        .filter((part) => part.startsWith('*'))
        .map((part) => {
          const [head = '', ...lines] = part.split('\n');
          return [head.slice(1), lines.filter((line) => /^(:DOCKER|-A)/.test(line))] as const;
        }),
    );
  };
  return {
    v4: await read(`iptables-${variant}-save`),
    v6: await read(`ip6tables-${variant}-save`),
  };
}

const STRANGE_PORT = 51_877;

describe('what is said of a ruleset is what packets do', { concurrency: 4 }, () => {
  for (const [lane, variant] of (['nft', 'legacy', 'nft', 'legacy'] as const).entries()) {
    test(`${ROUNDS} random rulesets, Docker on iptables-${variant}, lane ${lane}`, async (t) => {
      const wire = await openWire({ iptables: variant });
      try {
        const saved = await savedRules(wire, variant);
        const zone = wire.linkLocal;
        const own = /fe80::[0-9a-f:]+/.exec(
          await wire.at.outside.ok(['ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'link']),
        )?.[0];
        const tally = { asked: 0, answered: 0, unknown: 0 };
        const wrong: Round[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const seed = SEED + lane * 1_000 + round;
          const text = await load(wire, variant, randomOf(seed), saved);
          const [{ rules, unread }, facts] = await Promise.all([
            readRules(wire.run),
            readHost(wire.run),
          ]);
          assert.deepEqual(unread, []);
          const hooks = hooksOf(rules.bases);
          const host = travelHost(facts);
          const dial = (knock: Knock, waitMs: number): Promise<string> =>
            wire.agents[knock.from]
              .ask({
                op: 'dial',
                protocol: knock.protocol,
                host: knock.to,
                port: knock.port,
                from: knock.source === 'link-local' ? undefined : knock.source,
                waitMs,
                orConnected: true,
              })
              .then(String);
          await Promise.all(
            knocks(zone).map(async (knock) => {
              const { protocol, from, port } = knock;
              const journeys = travel(
                hooks,
                {
                  family: knock.to.includes(':') ? 'v6' : 'v4',
                  protocol: protocol === 'tcp' ? 6 : 17,
                  iif: from === 'outside' ? 'eth0' : 'wg0',
                  saddr: hexAddress(knock.source === 'link-local' ? (own ?? '') : knock.source),
                  daddr: hexAddress(knock.to.replace(/%.*/, '')),
                  sport: STRANGE_PORT,
                  dport: port,
                },
                host,
              );
              const said = [...new Set(journeys.map((journey) => meant(journey, protocol)))];
              tally.asked++;
              const [only] = said;
              if (said.length !== 1 || only === undefined) {
                tally.unknown++;
                return;
              }
              const settled = (heard: string): string => {
                if (heard === 'refused') return '';
                // Open by the handshake, whatever becomes of the packets after it.
                return heard === 'connected' && only !== '' ? only : heard;
              };
              let heard = settled(await dial(knock, 150));
              // Silence may be a machine that is busy; an answer cannot.
              for (let tries = 0; heard !== only && tries < 2; tries++)
                heard = settled(await dial(knock, 1_500));
              if (only !== '') tally.answered++;
              if (heard !== only) wrong.push({ seed, knock, said: only, heard });
            }),
          );
          if (wrong.length > 0) {
            assert.deepEqual(wrong, [], `seed ${seed}\n${text}`);
          }
        }
        t.diagnostic(`seed ${SEED + lane * 1_000}: ${JSON.stringify(tally)}`);
        assert.ok(tally.answered > tally.asked / 20, 'something still answers');
        assert.ok(tally.unknown < tally.asked / 4, 'most of it is judged');
      } finally {
        await wire.close();
      }
    });
  }
});
