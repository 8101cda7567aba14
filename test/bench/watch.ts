/** `watch`: from the Docker event to the reload signal, with few and with many other routes; memory and CPU idle. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openLab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { line, median, ms, quantile } from './figures.ts';
import { playDocker } from '../lab/played-docker.ts';

const EVENTS = 15;

export async function benchWatch(): Promise<void> {
  for (const others of [10, 1_000]) await oneSize(others);
}

async function oneSize(others: number): Promise<void> {
  const lab = await openLab();
  try {
    const played = await playDocker(join(lab.folder, 'played.sock'), others);
    const nginx = await lab.startNginx();
    const settings = join(lab.folder, 'portcullis.yaml');
    await writeFile(
      settings,
      `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }\nfirewall: { mode: "off" }\n`,
    );
    const options = [
      '--config',
      settings,
      '--docker',
      played.url,
      '--log-format',
      'json',
      '--log-level',
      'debug',
    ];
    await lab.portcullis([...options, 'init', '--yes']);
    const watch = lab.startPortcullis([...options, 'watch']);
    await watch.saw(/"event":"reconciled"/, 60_000);
    const spans: number[] = [];
    for (let index = 0; index < EVENTS; index++) {
      await delay(700); // beyond min_reload_interval: a lone event
      const seen = signals(watch.output()).length;
      const at = played.start(30_000 + index);
      const signalled = await waitUntil('the reload', () => signals(watch.output())[seen]);
      spans.push(signalled - at);
    }
    line(`event to reload signal, ${others} other routes: median`, ms(median(spans)));
    line(
      `event to reload signal, ${others} other routes: worst of ${EVENTS}`,
      ms(quantile(spans, 1)),
    );
    const before = await usage(watch.pid);
    await delay(10_000);
    const after = await usage(watch.pid);
    line(`watch idle, ${others} routes: resident`, `${after.residentMb.toFixed(0)} MB`);
    line(
      `watch idle, ${others} routes: CPU over 10 s`,
      `${(after.cpuMs - before.cpuMs).toFixed(0)} ms`,
    );
    await watch.stop();
    await played.close();
  } finally {
    await lab.close();
  }
}

/** Milliseconds since 1970 of each reload signal, from the log. */
function signals(output: string): readonly number[] {
  return output.split('\n').flatMap((text) => {
    if (!text.includes('"event":"reload-signal"')) return [];
    const at = /"at":([\d.]+)/.exec(text)?.[1];
    return at === undefined ? [] : [Number(at)];
  });
}

async function usage(pid: number): Promise<{ residentMb: number; cpuMs: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  const ticks = Number(stat[11]) + Number(stat[12]);
  return { residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024, cpuMs: ticks * 10 };
}
