/** The ruleset in the kernel: loading it whole, changing one grant, and repairing it after a flush. */
import { nftablesBackend } from '../../src/adapters/firewall-nftables.ts';
import { iptablesBackend } from '../../src/adapters/firewall-iptables.ts';
import type { FirewallBackend } from '../../src/adapters/firewall-backend.ts';
import type { Run } from '../../src/adapters/run.ts';
import type { Grant, Ruleset } from '../../src/core/firewall/ruleset.ts';
import { openLab } from '../lab/lab.ts';
import { line, median, ms, timed } from './figures.ts';

const ROUNDS = 7;

export async function benchFirewall(): Promise<void> {
  const lab = await openLab();
  try {
    const run: Run = (command, args, options) => lab.host.run([command, ...args], options);
    const backends: readonly FirewallBackend[] = [
      nftablesBackend(run),
      iptablesBackend(run, { variant: 'nft', families: ['v4', 'v6'] }),
    ];
    for (const backend of backends) {
      for (const held of [10, 1_000, 10_000]) await oneSize(backend, held);
      await backend.remove();
    }
  } finally {
    await lab.close();
  }
}

async function oneSize(backend: FirewallBackend, held: number): Promise<void> {
  const [without, granted] = [rulesetOf(held, []), rulesetOf(held, [GRANT])];
  const [whole, change, repair]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    whole.push(await timed(() => backend.apply(without)));
    change.push(await timed(() => backend.apply(granted, without)));
    await backend.remove();
    repair.push(
      await timed(async () => {
        if ((await backend.drift(granted)).length > 0) await backend.apply(granted);
      }),
    );
  }
  const what = `${backend.kind}, ${held} held ports`;
  line(`${what}: apply whole`, ms(median(whole)));
  line(`${what}: change one grant`, ms(median(change)));
  line(`${what}: see that all is gone, and repair`, ms(median(repair)));
}

const GRANT: Grant = {
  protocol: 'tcp',
  port: 20_000,
  address: undefined,
  sources: ['192.0.2.0/24'],
  endpoints: [{ address: '172.17.0.2', port: 80 }],
};

const rulesetOf = (held: number, grants: readonly Grant[]): Ruleset => ({
  bridges: ['docker0'],
  trustedInterfaces: [],
  trustedSources: [],
  held: Array.from({ length: held }, (_, index) => ({
    protocol: 'tcp',
    port: 20_000 + index,
    address: undefined,
  })),
  grants,
  routed: [],
});
