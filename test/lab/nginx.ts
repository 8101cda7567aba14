/** A real Nginx in the lab's host namespace, with a prefix of its own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { masterByPidFile } from '../../src/adapters/nginx-master.ts';
import type { Place } from './place.ts';
import { endByPid } from './processes.ts';
import { waitUntil } from './wait-until.ts';

export type LabNginx = {
  readonly folder: string;
  readonly config: string;
  readonly confDir: string;
  /** What Portcullis is given as nginx.dir. */
  readonly dir: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  pid(): Promise<number>;
  /** How often the master read its configuration anew: "(SIGHUP) received" in its log. */
  reloads(): Promise<number>;
  errorLog(): Promise<string>;
};

export type NginxOptions = {
  /** Default 2. */
  readonly workers?: number;
  /** The whole nginx.conf; default: one whose http block reads conf.d/*.conf. */
  readonly config?: string;
};

/** Temporary folders of its own: Debian's are shared with the machine's Nginx. */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

export async function startNginx(
  { folder: lab, host }: Place,
  { workers = 2, config: given }: NginxOptions = {},
): Promise<LabNginx> {
  const folder = join(lab, 'nginx');
  const confDir = join(folder, 'conf');
  const config = join(confDir, 'nginx.conf');
  const pidFile = join(folder, 'nginx.pid');
  const log = join(folder, 'error.log');
  await mkdir(join(confDir, 'conf.d'), { recursive: true });
  await writeFile(join(confDir, 'mime.types'), 'types { text/html html; }\n');
  await writeFile(
    config,
    given ??
      `user root;
worker_processes ${workers};
pid ${pidFile};
error_log ${log} notice;
events { worker_connections 1024; }
http {
    include mime.types;
    access_log off;
${TEMPORARY.map((name) => `    ${name}_temp_path ${folder}/${name};\n`).join('')}    include conf.d/*.conf;
}
`,
  );
  const pid = async (): Promise<number> =>
    Number((await readFile(pidFile, 'utf8').catch(() => '')).trim());
  const errorLog = (): Promise<string> => readFile(log, 'utf8').catch(() => '');
  const nginx: LabNginx = {
    folder,
    config,
    confDir,
    dir: join(folder, 'portcullis'),
    pid,
    errorLog,
    async start() {
      await host.ok(['nginx', '-c', config, '-p', folder, '-e', log]);
      // It writes its pid before it takes its title, and signals before that end it.
      await waitUntil('nginx runs', async () => (await masterByPidFile(pidFile)) !== undefined);
    },
    async stop() {
      const master = await pid();
      if (master > 1) await endByPid(master);
    },
    async reloads() {
      return (await errorLog()).split('\n').filter((line) => line.includes('(SIGHUP) received'))
        .length;
    },
  };
  await nginx.start();
  return nginx;
}
