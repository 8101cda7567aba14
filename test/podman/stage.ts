/** A lab with Podman, Nginx and a configuration for both, and what tests ask of it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { RunResult } from '../../src/adapters/run.ts';
import { put } from '../lab/files.ts';
import { get } from '../lab/http.ts';
import { HOST_V4, HOST_V6, openLab, type Lab, type Watching } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-until.ts';
import { startPodman, type NetworkBackend, type Podman } from './podman.ts';

export type Stage = {
  readonly lab: Lab;
  readonly podman: Podman;
  portcullis(...args: readonly string[]): Promise<RunResult>;
  /** Follows the engine when it resolves. */
  watch(): Promise<Watching>;
  /** Status that outside is answered with at each URL, all asked at once; 0: nothing. */
  answered(urls: readonly string[]): Promise<readonly number[]>;
  /** Waits until each URL answers: an IPv6 address of CNI's is not used before it is found to be nobody else's. */
  open(urls: readonly string[]): Promise<void>;
  /** Waits until Nginx answers for `host` with `status`; 0: not at all. */
  serves(host: string, status: number): Promise<void>;
  /** What `audit` finds open, of paths that it each names once. */
  openPaths(): Promise<readonly unknown[]>;
  /** At its own addresses on its network. */
  direct(name: string): Promise<Urls>;
};

type Urls = { readonly v4: string; readonly v6: string };

export const published = (port: number): Urls => ({
  v4: `http://${HOST_V4}:${port}/`,
  v6: `http://[${HOST_V6}]:${port}/`,
});

export const label = (...texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => ['--label', `portcullis.${text}`]);

export async function openStage(
  networks: NetworkBackend,
  firewall: 'nftables' | 'iptables' | 'docker-user' = 'nftables',
): Promise<Stage> {
  const lab = await openLab();
  const podman = await startPodman(lab, networks);
  const nginx = await lab.startNginx();
  const config = await put(
    join(lab.folder, 'portcullis.yaml'),
    `nginx: { dir: ${nginx.dir}, config: ${nginx.config} }
firewall: { backend: ${firewall}, state_dir: ${join(lab.folder, 'state')} }
watch: { resync: 1h, linger: 1s }
`,
  );
  await put(join(nginx.confDir, 'conf.d', 'p.conf'), `include ${nginx.dir}/*.conf;\n`);
  const options = ['--config', config, '--docker', podman.url];
  const portcullis: Stage['portcullis'] = (...args) => lab.portcullis([...options, ...args]);
  const statusOf = async (url: string, host?: string): Promise<number> =>
    (await get(lab.outside, url, { ...(host !== undefined && { host }), args: ['-m', '2'] }))
      .status;
  return {
    lab,
    podman,
    portcullis,
    answered: (urls) => Promise.all(urls.map((url) => statusOf(url))),
    async open(urls) {
      for (const url of urls) {
        await waitUntil(`${url} answers`, async () => (await statusOf(url)) === 200);
      }
    },
    async watch() {
      const watching = lab.startPortcullis([...options, 'watch']);
      await waitUntil('it follows', async () => (await portcullis('status')).code === 0);
      return watching;
    },
    async serves(host, status) {
      const url = published(80).v4;
      await waitUntil(
        `${host} answers ${status}`,
        async () => (await statusOf(url, host)) === status,
      );
    },
    async openPaths() {
      const { findings } = JSON.parse((await portcullis('audit', '--json')).stdout);
      assert.equal(
        new Set(findings.map((each: unknown) => JSON.stringify(each))).size,
        findings.length,
      );
      return findings.filter(({ verdict }: { verdict: string }) => verdict === 'open');
    },
    async direct(name) {
      const each = (field: string): Promise<string> =>
        podman.docker(
          'inspect',
          '-f',
          `{{range .NetworkSettings.Networks}}{{.${field}}}{{end}}`,
          name,
        );
      return {
        v4: `http://${await each('IPAddress')}/`,
        v6: `http://[${await each('GlobalIPv6Address')}]/`,
      };
    },
  };
}
