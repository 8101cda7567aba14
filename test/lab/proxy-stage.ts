/** A lab whose Nginx stands before real servers of several protocols; services are published as Compose prints them. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunResult } from '../../src/adapters/run.ts';
import { makePair } from './certificates.ts';
import { put } from './files.ts';
import { get, type Answer } from './http.ts';
import { HOST_V4, openLab, type Lab } from './lab.ts';
import type { LabNginx } from './nginx.ts';
import type { UpstreamPorts } from './upstream.ts';
import { waitUntil } from './wait-until.ts';

export const PORTS = { http: [1401, 1402, 1403], https: 1410, grpc: 1420, grpcs: 1421, auth: 1430 };
/** Nobody listens there. */
export const DEAD = 1499;

export type Labels = Readonly<Record<string, string>>;
export type Service = { readonly name: string; readonly port: number; readonly labels: Labels };

/** What an HTTP server of the stage says of the request it got. */
export type Echo = {
  readonly port: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
};

export type ProxyStage = {
  readonly lab: Lab;
  readonly nginx: LabNginx;
  /** A path in the lab's folder: `certs`, `ca`, `snippets`, `templates` and `htpasswd` are there. */
  at(...names: readonly string[]): string;
  /** Writes the settings anew. `nginxMore` continues the flow mapping of `nginx`. */
  settings(nginxMore?: string, more?: string): Promise<string>;
  portcullis(...args: readonly string[]): Promise<RunResult>;
  serve(...services: readonly Service[]): Promise<RunResult>;
  /** As `serve`, and nothing may be wrong. */
  served(...services: readonly Service[]): Promise<void>;
  /** A request by curl from outside. */
  fetched(host: string, path?: string, ...args: readonly string[]): Promise<Answer>;
  /** As `fetched`, answered with 200 by a server of the stage. */
  echoed(host: string, path?: string, ...args: readonly string[]): Promise<Echo>;
};

export async function openProxyStage(given?: Lab): Promise<ProxyStage> {
  const lab = given ?? (await openLab());
  const nginx = await lab.startNginx();
  const at = (...names: readonly string[]): string => join(lab.folder, ...names);
  const stage: ProxyStage = {
    lab,
    nginx,
    at,
    settings: (nginxMore = '', more = '') =>
      put(
        at('portcullis.yaml'),
        `nginx: { dir: ${nginx.dir}, config: ${nginx.config}${nginxMore} }
firewall: { mode: "off" }
auth_dir: ${at('htpasswd')}
snippet_dir: ${at('snippets')}
template_dir: ${at('templates')}
tls: { cert_dir: ${at('certs')}, ca_dir: ${at('ca')}, acme_dir: "" }
${more}`,
      ),
    portcullis: (...args) => lab.portcullis(['--config', at('portcullis.yaml'), ...args]),
    async serve(...services) {
      const file = await put(at('compose.json'), JSON.stringify(composeOf(services)));
      return stage.portcullis('generate', '--from', file);
    },
    async served(...services) {
      const { code, stderr } = await stage.serve(...services);
      assert.equal(code, 0, stderr);
    },
    fetched: (host, path = '/', ...args) =>
      get(lab.outside, `http://${HOST_V4}${path}`, { host, args }),
    async echoed(host, path = '/', ...args) {
      const { status, body } = await stage.fetched(host, path, ...args);
      assert.equal(status, 200, body);
      const echo: Echo = JSON.parse(body);
      return echo;
    },
  };
  for (const name of ['certs', 'ca', 'snippets', 'templates', 'htpasswd']) mkdirSync(at(name));
  await startUpstreams(stage);
  await stage.settings();
  const init = await stage.portcullis('init', '--yes');
  assert.equal(init.code, 0, init.stderr);
  return stage;
}

async function startUpstreams({ lab, ...stage }: ProxyStage): Promise<void> {
  const pair = await makePair(stage.at('ca'), {
    name: 'internal',
    hosts: 'internal.example tls.internal.example',
  });
  const ports: UpstreamPorts = { ...PORTS, ...pair };
  const program = fileURLToPath(new URL('upstream.js', import.meta.url));
  const started = lab.host.start([process.execPath, program, JSON.stringify(ports)]);
  lab.cleanup.add('upstreams', () => started.stop('SIGKILL'));
  await waitUntil('the upstreams answer', () => {
    if (started.child.exitCode !== null) throw new Error(started.output());
    return started.output().includes('ready');
  });
}

const composeOf = (services: readonly Service[]): object => ({
  name: 'lab',
  services: Object.fromEntries(
    services.map(({ name, port, labels }) => [
      name,
      {
        image: 'x',
        ports: [{ host_ip: '127.0.0.1', target: 80, published: `${port}`, protocol: 'tcp' }],
        labels: Object.fromEntries(
          Object.entries(labels).map(([key, value]) => [`portcullis.${key}`, value]),
        ),
      },
    ]),
  ),
});
