/** A real Nginx on loopback, of a folder of its own; needs no root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { masterByPidFile } from '../../src/adapters/nginx-master.ts';
import { run } from '../../src/adapters/run.ts';
import { settingsSchema, type Settings } from '../../src/core/settings-schema.ts';

export type LocalNginx = {
  readonly folder: string;
  readonly port: number;
  readonly settings: Settings;
  readonly pidFile: string;
  /** Writes files relative to the configuration's folder. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  link(target: string, name: string): Promise<void>;
  /** Writes an index that serves its own id; gives the path. */
  index(id: string, more?: string): Promise<string>;
  /** Makes `id` live. */
  switchTo(id: string): Promise<void>;
  start(args?: readonly string[]): Promise<void>;
  pid(): Promise<number>;
};

/** @param http what stands in the http block, beside logs */
export async function makeNginx(context: TestContext, http: string): Promise<LocalNginx> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-nginx-'));
  const port = await freePort();
  const pidFile = join(folder, 'nginx.pid');
  const conf = join(folder, 'conf');
  const dir = join(folder, 'portcullis');
  const at = (name: string): string => join(conf, name);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ');

  const write: LocalNginx['write'] = async (files) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(at(name)), { recursive: true });
      await writeFile(at(name), text);
    }
  };
  const pid = async (): Promise<number> =>
    Number((await readFile(pidFile, 'utf8').catch(() => '')).trim());

  context.after(async () => {
    const master = await pid();
    if (master > 1) await end(master);
    await rm(folder, { recursive: true, force: true });
  });
  await mkdir(join(dir, 'generations'), { recursive: true });
  await write({
    'nginx.conf': `worker_processes 1;
pid ${pidFile};
error_log ${join(folder, 'error.log')} notice;
events { worker_connections 64; }
http {
    access_log off; ${temporary}
${http.replaceAll('<port>', String(port))}
}
`,
  });
  return {
    folder,
    port,
    pidFile,
    settings: settingsSchema.parse({
      nginx: { dir, config: at('nginx.conf'), control: 'local', listen_http: port },
    }),
    write,
    link: (target, name) => symlink(target, at(name)),
    async index(id, more = '') {
      const path = join(dir, 'generations', `${id}.conf`);
      await writeFile(
        path,
        `server {
    listen 127.0.0.1:${port};
    server_name generation.portcullis.invalid;
    return 200 ${id};
}
${more}
`,
      );
      return path;
    },
    async switchTo(id) {
      await rm(join(dir, 'portcullis.conf'), { force: true });
      await symlink(`generations/${id}.conf`, join(dir, 'portcullis.conf'));
    },
    async start(args = []) {
      const { code, stderr } = await run('nginx', [...args, '-c', at('nginx.conf')]);
      if (code !== 0) throw new Error(stderr);
      // It writes its pid before it takes its title.
      for (let tries = 0; !(await masterByPidFile(pidFile)); tries += 1) {
        if (tries > 2_000) throw new Error('nginx has not become a master');
        await delay(10);
      }
    },
    pid,
  };
}

async function end(pid: number): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    try {
      process.kill(pid, tries === 0 ? 'SIGTERM' : 0);
    } catch {
      return;
    }
    await delay(10);
  }
  process.kill(pid, 'SIGKILL');
}

/** A port that nothing listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return address.port;
}

/** A process that is not Nginx, ended with the test; its pid. */
export function startOther(context: TestContext): number {
  const child = spawn('sleep', ['300'], { stdio: 'ignore' });
  context.after(() => child.kill('SIGKILL'));
  if (child.pid === undefined) throw new Error('sleep cannot be started');
  return child.pid;
}
