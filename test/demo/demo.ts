/**
 * `npm run demo`: the main job, shown. With a Docker that runs labelled containers, on those; else on
 * the recorded ones, with small servers standing where the containers would. An Nginx of the demo's
 * own, unprivileged, on a port of its own: the machine's Nginx and firewall are not touched.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run, type RunResult } from '../../src/adapters/run.ts';
import { createCleanup } from '../lab/cleanup.ts';
import { endByPid } from '../lab/processes.ts';

const root = packageRoot();
const recorded = join(root, 'fixtures', 'docker', '20.10', 'containers.json');
const NAME = 'service-1234.example.com';
const cleanup = createCleanup();

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  await requireNginx();
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-demo-'));
  cleanup.add('folder', () => rmSync(folder, { recursive: true, force: true }));
  const [port, other] = [await freePort(), await freePort()];
  const config = await writeNginxConfig(folder, port);
  const settings = join(folder, 'portcullis.yaml');
  await writeFile(
    settings,
    `nginx: { dir: ${folder}/portcullis, config: ${config}, listen_http: ${port}, listen_https: ${other}, ipv6: false }
firewall: { mode: "off" }   # the demo leaves this machine's firewall alone
`,
  );
  const portcullis = (...args: readonly string[]): Promise<RunResult> =>
    run(process.execPath, [join(root, 'dist', 'cli.js'), '--config', settings, ...args]);

  const live = await labelledContainers(portcullis);
  const from = live ? [] : ['--from', recorded];
  say(
    live
      ? 'Docker runs here, with labelled containers: on those.\n'
      : 'No Docker with labelled containers here: on the containers recorded in fixtures/docker/20.10.\n',
  );

  await show('portcullis init --no-units --yes', await portcullis('init', '--no-units', '--yes'));
  await must(['nginx', '-c', config, '-p', folder], 'Nginx starts');
  cleanup.add('nginx', async () =>
    endByPid(Number(await readFile(join(folder, 'nginx.pid'), 'utf8'))),
  );

  const routes = await portcullis('routes', '--json', ...from);
  if (!live) await startBackends(routes.stdout);
  await show(
    `portcullis generate${live ? '' : ' --from fixtures/docker/20.10/containers.json'}`,
    await portcullis('generate', ...from),
  );
  await show(
    `portcullis routes${live ? '' : ' --from fixtures/docker/20.10/containers.json'}`,
    await portcullis('routes', ...from),
  );
  await showSite(folder);

  const host = live ? firstHost(routes.stdout) : NAME;
  const url = `http://127.0.0.1:${port}/`;
  const answer = await run('curl', ['-s', '-i', '--max-time', '5', '-H', `Host: ${host}`, url]);
  await show(`curl -i -H "Host: ${host}" ${url}`, answer);
  const unknown = await run('curl', [
    '-s',
    '--max-time',
    '5',
    '-H',
    'Host: nobody.example.com',
    url,
  ]);
  await show(`curl -H "Host: nobody.example.com" ${url}`, unknown);
  say(
    unknown.code === 52
      ? '(no answer at all: an unknown host is closed, never somebody else’s site)'
      : '',
  );
  const good =
    answer.stdout.startsWith('HTTP/1.1 200') || (live && /^HTTP\/1\.1 \d/.test(answer.stdout));
  if (!good || unknown.code !== 52) throw new Error('the demo did not do what it should');
  say(`\nDone: ${host} answers through Nginx. Everything the demo made is taken away again.`);
}

async function requireNginx(): Promise<void> {
  if (await exists('nginx')) return;
  say('Nginx is missing: installing the package nginx-light from the distribution.');
  await must(['apt-get', 'update', '-qq'], 'apt-get update');
  await must(
    ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'nginx-light', 'curl'],
    'apt-get install',
  );
}

const exists = (name: string): Promise<boolean> =>
  run(name, ['-v']).then(
    () => true,
    () => false,
  );

async function must([command = '', ...args]: readonly string[], what: string): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`${what}: ended with ${code}\n${stdout}${stderr}`);
}

async function writeNginxConfig(folder: string, port: number): Promise<string> {
  const config = join(folder, 'nginx.conf');
  await mkdir(join(folder, 'conf.d'), { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `    ${name}_temp_path ${folder}/${name};`,
  );
  await writeFile(
    config,
    `# Nginx of the demo, on port ${port}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log notice;
events { worker_connections 256; }
http {
    access_log off;
${temporary.join('\n')}
    include conf.d/*.conf;
}
`,
  );
  return config;
}

async function labelledContainers(
  portcullis: (...args: readonly string[]) => Promise<RunResult>,
): Promise<boolean> {
  const { code, stdout } = await portcullis('routes', '--json');
  return (code === 0 || code === 4) && /"state": "live"/.test(stdout);
}

const firstHost = (json: string): string => /"host": "([^"*]+)"/.exec(json)?.[1] ?? '';

/** A server at each address a route goes to, that says which container it stands for. */
async function startBackends(json: string): Promise<void> {
  const rows: readonly {
    state: string;
    upstreams: readonly { address: string; container: string }[];
  }[] = JSON.parse(json);
  const upstreams = rows.filter(({ state }) => state === 'live').flatMap((row) => row.upstreams);
  const started = new Set<string>();
  for (const { address, container } of upstreams) {
    const [, host = '', port = ''] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? [];
    if (started.has(address)) continue;
    started.add(address);
    const server = createServer((request, response) => {
      response.end(`hello from container ${container}, asked for ${request.headers.host ?? ''}\n`);
    });
    await listening(server, Number(port), host);
    cleanup.add(address, () => server.close());
  }
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve) => {
    // A taken port is no reason to fail: the route is shown all the same.
    server.once('error', (error) => {
      say(`(no backend at ${host}:${port}: ${error.message})`);
      resolve();
    });
    server.listen(port, host, () => resolve());
  });
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 8080;
}

async function show(command: string, { stdout, stderr, code }: RunResult): Promise<void> {
  say(`$ ${command}`);
  if (stdout.trim() !== '') say(stdout.trimEnd());
  if (stderr.trim() !== '') say(stderr.trimEnd());
  if (code === 1 || code === 2) throw new Error(`it ended with ${code}`);
  say('');
}

async function showSite(folder: string): Promise<void> {
  const sites = join(folder, 'portcullis', 'sites');
  const [file] = existsSync(sites)
    ? (await readdir(sites)).filter((name) => name.startsWith('service-1234'))
    : [];
  if (file === undefined) return;
  say(`$ cat sites/${file}`);
  say((await readFile(join(sites, file), 'utf8')).trimEnd());
  say('');
}

try {
  await main();
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await cleanup.run();
}
