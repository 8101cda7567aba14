/**
 * What the firewall costs a flow that it lets through, against no firewall, in one run; and how long a
 * guarded port is open after somebody took the rules away under a running `watch`.
 */
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startAgent } from '../lab/agent.ts';
import { HOST_V4, openLab, type Lab } from '../lab/lab.ts';
import { line, median } from './figures.ts';

const ROUNDS = 7;
const BIG_BYTES = 256 * 1024 * 1024;

export async function benchFlow(): Promise<void> {
  const lab = await openLab();
  try {
    const engine = await lab.startEngine();
    const big = join(lab.folder, 'big');
    await writeFile(big, '');
    await truncate(big, BIG_BYTES);
    await writeFile(join(lab.folder, 'small'), 'small');
    await engine.run({
      name: 'granted',
      ports: ['8080:80'],
      labels: { 'portcullis.public': 'true' },
      args: ['-v', `${lab.folder}:/data:ro`],
      command: ['/bin/httpd', '-f', '-p', '80', '-h', '/data'],
    });
    await engine.run({
      name: 'guarded',
      ports: ['8081:80'],
      command: ['/bin/nc', '-ll', '-p', '80', '-e', '/bin/echo', 'guarded'],
    });
    for (const backend of ['nftables', 'iptables', 'docker-user']) {
      const settings = join(lab.folder, 'portcullis.yaml');
      await writeFile(
        settings,
        `firewall: { backend: ${backend}, state_dir: ${lab.folder}/state }\n` +
          `nginx: { dir: ${lab.folder}/nginx }\n`,
      );
      const options = ['--config', settings, '--docker', engine.url];
      await flows(lab, options, backend);
      await leak(lab, options, backend);
      await firewall(lab, options, 'remove');
    }
  } finally {
    await lab.close();
  }
}

async function firewall(lab: Lab, options: readonly string[], what: string): Promise<void> {
  const { code, stderr } = await lab.portcullis([...options, 'firewall', what, '--yes']);
  if (code !== 0) throw new Error(`firewall ${what} ended with ${code}: ${stderr}`);
}

async function flows(lab: Lab, options: readonly string[], backend: string): Promise<void> {
  const [bare, walled] = [newFigures(), newFigures()];
  for (let round = 0; round < ROUNDS; round++) {
    await firewall(lab, options, 'remove');
    await measure(lab, bare);
    await firewall(lab, options, 'apply');
    await measure(lab, walled);
  }
  const [open, closed] = [median(bare.bytes), median(walled.bytes)];
  line(
    `${backend}: throughput of a granted flow`,
    `${gbits(closed)} = ${(closed / open).toFixed(2)} x no firewall (${gbits(open)})`,
  );
  const [before, after] = [median(bare.micros), median(walled.micros)];
  line(
    `${backend}: a connection, a request and its answer`,
    `${after.toFixed(0)} us = ${(after / before).toFixed(2)} x no firewall (${before.toFixed(0)} us)`,
  );
}

type Figures = { readonly bytes: number[]; readonly micros: number[] };
const newFigures = (): Figures => ({ bytes: [], micros: [] });

async function measure(lab: Lab, { bytes, micros }: Figures): Promise<void> {
  const url = `http://${HOST_V4}:8080`;
  const curl = await lab.outside.ok([
    ...['curl', '-sf', '-o', '/dev/null', '-w', '%{speed_download}', `${url}/big`],
  ]);
  bytes.push(Number(curl));
  // Busybox' httpd closes after each answer, so each request is a connection of its own.
  const wrk = await lab.outside.ok(['wrk', '-t1', '-c1', '-d1s', `${url}/small`]);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(wrk)?.[1]);
  micros.push(1e6 / perSecond);
}

const gbits = (bytesPerSecond: number): string =>
  `${((bytesPerSecond * 8) / 1e9).toFixed(1)} Gbit/s`;

const FLUSHES: Readonly<Record<string, readonly string[]>> = {
  nftables: ['nft', 'delete', 'table', 'inet', 'portcullis'],
  iptables: ['iptables', '-t', 'mangle', '-F'],
  'docker-user': ['iptables', '-F', 'DOCKER-USER'],
};

async function leak(lab: Lab, options: readonly string[], backend: string): Promise<void> {
  const outside = startAgent(lab.outside.name, lab.cleanup);
  await firewall(lab, options, 'remove');
  const bare = await outside.dial('tcp', HOST_V4, 8081);
  if (bare !== 'guarded\n') throw new Error(`without a firewall the port says ${bare}`);
  const watch = lab.startPortcullis([...options, 'watch']);
  try {
    await watch.saw(/firewall-enforced/);
    const spans: number[] = [];
    const counts: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await delay(2_300); // more often would be a fight, and backed off from
      const answered: number[] = [];
      const dials: Promise<void>[] = [];
      const flushedAt = performance.now();
      const flushed = lab.host.ok(FLUSHES[backend] ?? []);
      for (let sent = 0; sent < 200; sent++) {
        const at = performance.now() - flushedAt;
        const dial = outside.dial('tcp', HOST_V4, 8081);
        dials.push(
          dial.then((text) => void (text === '' || text === 'refused' || answered.push(at))),
        );
        await delay(2);
      }
      await Promise.all([flushed, ...dials]);
      counts.push(answered.length);
      spans.push(answered.length === 0 ? 0 : Math.max(...answered) - Math.min(...answered));
    }
    line(
      `${backend}: after "${(FLUSHES[backend] ?? []).join(' ')}"`,
      `open for ${median(spans).toFixed(0)} ms (worst ${Math.max(...spans).toFixed(0)}), ` +
        `${median(counts)} connections got in of one every 2 ms (worst ${Math.max(...counts)})`,
    );
  } finally {
    await watch.stop();
  }
}
