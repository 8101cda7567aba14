/** Nginx on this machine: its configuration, its judgement, its reload. */
import { lstat, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { HandWritten } from '../core/routes.ts';
import { parseTestOutput } from '../core/nginx-test-output.ts';
import type { NginxHost } from '../core/nginx-host.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import { codeOf, unwritable } from './atomic-file.ts';
import { ENTRY } from './generation-store.ts';
import { servedGeneration, waitFor } from './nginx-confirm.ts';
import { acceptingWorkers } from './nginx-workers.ts';
import { writeTestTree } from './nginx-test-tree.ts';
import { readUserConfig, type UserConfig } from './nginx-user-config.ts';
import { run } from './run.ts';

const TEST_TIMEOUT_MS = 30_000;
const CONFIRM_TIMEOUT_MS = 15_000;

export async function openNginxHost(
  settings: Settings,
  _options: { readonly docker?: string | undefined } = {},
): Promise<NginxHost> {
  const { dir, config, binary, control, listen_http: port } = settings.nginx;
  const entry = join(dir, ENTRY);
  let user: UserConfig | undefined;
  let tree:
    | { readonly user: UserConfig; readonly configPath: string; readonly candidatePath: string }
    | undefined;

  const read = async (): Promise<UserConfig> => {
    if (!user || !(await user.isCurrent())) user = await readUserConfig(config, entry);
    return user;
  };

  const masterPid = async (): Promise<number> => {
    const { pidPath = '/run/nginx.pid' } = await read();
    const text = await readFile(pidPath, 'utf8').catch(() => '');
    const pid = Number(text.trim());
    const title = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    if (Number.isInteger(pid) && pid > 1 && title.startsWith('nginx: master')) return pid;
    throw new PortcullisError(
      'nginx-not-running',
      `Nginx is not running (no master process by ${pidPath}): start it, as "systemctl start nginx", or use --no-reload; what was live stays live`,
    );
  };

  const bySystemd = control === 'systemd';
  /** Workers that accepted before the last reload: while one still does, an old answer may come. */
  let before: { readonly master: number; readonly workers: readonly number[] } | undefined;
  return {
    async facts() {
      const { entries, handWritten, httpDirectives, defaultServers } = await read();
      return {
        included: entries.size > 0,
        handWritten,
        userDirectives: httpDirectives,
        userDefaults: defaultServers,
      };
    },
    async test(indexPath) {
      const current = await read();
      if (tree?.user !== current) {
        tree = { user: current, ...(await writeTestTree(current, join(dir, 'test'))) };
      }
      await pointTo(tree.candidatePath, indexPath);
      return runTest(binary, tree.configPath);
    },
    async testLive() {
      return runTest(binary, config);
    },
    async requireRunning() {
      if (!bySystemd) await masterPid();
    },
    async reload() {
      const pid = bySystemd ? await masterPid().catch(() => 0) : await masterPid();
      before = { master: pid, workers: await acceptingWorkers(pid) };
      if (bySystemd) {
        const { code, stderr } = await run('systemctl', ['reload', 'nginx']);
        if (code === 0) return;
        throw new PortcullisError('nginx-reload-failed', 'systemctl reload nginx failed', {
          detail: stderr,
        });
      }
      try {
        process.kill(pid, 'SIGHUP');
      } catch (cause) {
        throw new PortcullisError(
          'nginx-reload-failed',
          `cannot signal Nginx (pid ${pid}, ${codeOf(cause)}): run as root or as the user Nginx's master runs as`,
          { cause },
        );
      }
    },
    served: () => servedGeneration(port),
    async confirm(id) {
      const oldOnesAreDone = async (): Promise<boolean> => {
        if (!before) return true;
        const accepting = new Set(await acceptingWorkers(before.master));
        return !before.workers.some((worker) => accepting.has(worker));
      };
      const isServed = async (): Promise<boolean> =>
        (await servedGeneration(port)) === id && oldOnesAreDone();
      if (await waitFor(isServed, CONFIRM_TIMEOUT_MS)) return;
      throw new PortcullisError(
        'nginx-reload-failed',
        `Nginx was told to reload, but after ${CONFIRM_TIMEOUT_MS / 1000} s no worker on 127.0.0.1:${port} serves the new generation; the one before is live again`,
        { detail: await lastLines((await read()).errorLogPath) },
      );
    },
  };
}

/** Host names of the user's own server blocks; none where there is no Nginx configuration. */
export async function readHandWritten(
  settings: Settings,
): Promise<ReadonlyMap<string, HandWritten>> {
  const { config, dir } = settings.nginx;
  const isThere = await lstat(config).then(
    () => true,
    () => false,
  );
  return isThere ? (await readUserConfig(config, join(dir, ENTRY))).handWritten : new Map();
}

async function runTest(binary: string, configPath: string): ReturnType<NginxHost['test']> {
  try {
    const args = ['-t', '-q', '-c', configPath];
    const { code, stderr, timedOut } = await run(binary, args, { timeoutMs: TEST_TIMEOUT_MS });
    if (!timedOut) return parseTestOutput(code, stderr);
    const reason = `nginx -t gave no answer within ${TEST_TIMEOUT_MS / 1000} s`;
    return { ok: false, output: stderr, reason };
  } catch (cause) {
    throw new PortcullisError(
      'nginx-missing',
      `cannot run ${binary} (${codeOf(cause)}): install Nginx ("apt-get install nginx"), or say with nginx.binary where it lies`,
      { cause },
    );
  }
}

async function pointTo(link: string, target: string): Promise<void> {
  try {
    await rm(link, { force: true });
    await symlink(target, link);
  } catch (cause) {
    throw unwritable(link, cause);
  }
}

async function lastLines(path: string | undefined): Promise<string> {
  const text = path === undefined ? '' : await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-5).join('\n');
}
