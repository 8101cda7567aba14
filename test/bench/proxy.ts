/** What a generated site costs: wrk against it, and against a server block written by hand, in turns. */
import { HOST_V4 } from '../lab/lab.ts';
import { openProxyStage } from '../lab/proxy-stage.ts';
import { put } from '../lab/files.ts';
import { median } from './figures.ts';

const ROUNDS = 15;
const SECONDS = 2;

type Load = { readonly perSecond: number; readonly p99Ms: number };

const MINIMAL = (port: number): string => `upstream by_hand {
    server 127.0.0.1:${port};
    keepalive 16;
}
server {
    listen 80;
    server_name by-hand.example;
    location / {
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_pass http://by_hand;
    }
}
`;

/** The upstream is an Nginx of its own that answers at once: what is measured is the proxy. */
const UPSTREAM = `server {
    listen 127.0.0.1:1490 reuseport;
    location / { return 200 "ok\\n"; }
}
`;

export async function benchProxy(): Promise<void> {
  const stage = await openProxyStage();
  try {
    const { lab, nginx } = stage;
    await put(`${nginx.confDir}/conf.d/by-hand.conf`, MINIMAL(1490) + UPSTREAM);
    await stage.served({ name: 'web', port: 1490, labels: { host: 'generated.example' } });
    const load = async (host: string): Promise<Load> => {
      const args = ['wrk', '-t1', '-c16', `-d${SECONDS}s`, '--latency', '-H', `Host: ${host}`];
      const text = await lab.outside.ok([...args, `http://${HOST_V4}/`], { timeoutMs: 60_000 });
      return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), p99Ms: p99(text) };
    };
    await load('by-hand.example');
    const rates: number[] = [];
    const tails: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      // The order changes, so that what the machine does meanwhile hits both alike.
      const hosts = ['by-hand.example', 'generated.example'];
      if (round % 2 === 1) hosts.reverse();
      const met = new Map<string, Load>();
      for (const host of hosts) met.set(host, await load(host));
      const [hand, ours] = [met.get('by-hand.example'), met.get('generated.example')];
      if (!hand || !ours) continue;
      rates.push(ours.perSecond / hand.perSecond);
      tails.push(ours.p99Ms / hand.p99Ms);
      console.log(
        `by hand ${hand.perSecond.toFixed(0)}/s, p99 ${hand.p99Ms} ms; generated ${ours.perSecond.toFixed(0)}/s, p99 ${ours.p99Ms} ms`,
      );
    }
    console.log(
      `generated site / server block by hand, median of ${ROUNDS}: ${median(rates).toFixed(3)} x requests a second, ${median(tails).toFixed(2)} x p99`,
    );
  } finally {
    await stage.lab.close();
  }
}

function p99(text: string): number {
  const [, value = '0', unit] = /99%\s+([\d.]+)(us|ms|s)\b/.exec(text) ?? [];
  return Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1_000 : 1);
}
