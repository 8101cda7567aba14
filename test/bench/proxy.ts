/**
 * What a generated site costs: wrk against it and against a server block written by hand, both at the
 * same time, so that what the machine does meanwhile hits both alike. Two equal blocks by hand show the noise.
 */
import { HOST_V4 } from '../lab/lab.ts';
import { openProxyStage } from '../lab/proxy-stage.ts';
import { put } from '../lab/files.ts';
import { median } from './figures.ts';

const ROUNDS = 20;
const SECONDS = 3;

type Load = { readonly perSecond: number; readonly p99Ms: number };

const minimal = (name: string): string => `upstream ${name} {
    server 127.0.0.1:1490;
    keepalive 16;
}
server {
    listen 80;
    server_name ${name}.example;
    location / {
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_pass http://${name};
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
    const blocks = ['hand', 'twin'].map(minimal).join('');
    await put(`${nginx.confDir}/conf.d/by-hand.conf`, blocks + UPSTREAM);
    await stage.served({ name: 'web', port: 1490, labels: { host: 'generated.example' } });
    const load = async (host: string): Promise<Load> => {
      const args = ['wrk', '-t1', '-c16', `-d${SECONDS}s`, '--latency', '-H', `Host: ${host}`];
      const text = await lab.outside.ok([...args, `http://${HOST_V4}/`], { timeoutMs: 60_000 });
      return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), p99Ms: p99(text) };
    };
    const compare = async (host: string): Promise<Load> => {
      const [hand, other] = await Promise.all([load('hand.example'), load(host)]);
      return { perSecond: other.perSecond / hand.perSecond, p99Ms: other.p99Ms / hand.p99Ms };
    };
    await compare('generated.example');
    const met: { readonly generated: Load; readonly twin: Load }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const generated = await compare('generated.example');
      met.push({ generated, twin: await compare('twin.example') });
    }
    for (const [title, key] of [
      ['generated site / block by hand', 'generated'],
      ['its twin by hand / block by hand', 'twin'],
    ] as const) {
      const loads = met.map((round) => round[key]);
      console.log(
        `${title}, median of ${ROUNDS}: ${median(loads.map((each) => each.perSecond)).toFixed(3)} x requests a second, ${median(loads.map((each) => each.p99Ms)).toFixed(3)} x p99`,
      );
    }
  } finally {
    await stage.lab.close();
  }
}

function p99(text: string): number {
  const [, value = '0', unit] = /99%\s+([\d.]+)(us|ms|s)\b/.exec(text) ?? [];
  return Number(value) * (unit === 'us' ? 0.001 : unit === 's' ? 1_000 : 1);
}
