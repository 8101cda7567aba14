/** Nginx as the program needs it: its configuration, its judgement, its reload. */
import { join } from 'node:path';
import type { NginxHost } from '../core/nginx-host.ts';
import { parseTestOutput, type TestResult } from '../core/nginx-test-output.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import { ENTRY } from './generation-store.ts';
import { handWrittenOn } from './hand-written.ts';
import { linesSince, sizeOf } from './log-tail.ts';
import { servedGeneration, waitFor } from './nginx-confirm.ts';
import type { Nginx, Reload } from './nginx-control.ts';
import { writeTestTree, type TestTree } from './nginx-test-tree.ts';
import { readUserConfig, type UserConfig } from './nginx-user-config.ts';
import { openNginx } from './open-nginx.ts';

const CONFIRM_TIMEOUT_MS = 15_000;
/** Between the end of the old workers and the start of the new ones there is nobody for a moment. */
const DEAD_AFTER_MS = 2_000;

export type HostOptions = {
  /** URL of the Docker API; used only where Nginx runs in a container. */
  readonly docker?: string | undefined;
  /** How long new workers may take; default 15 000. */
  readonly confirmTimeoutMs?: number;
};

export async function openNginxHost(
  settings: Settings,
  { docker, confirmTimeoutMs = CONFIRM_TIMEOUT_MS }: HostOptions = {},
): Promise<NginxHost> {
  const { dir, config, listen_http: port, proxy_protocol: proxyProtocol } = settings.nginx;
  const testMs = settings.nginx.test_timeout;
  const entry = join(dir, ENTRY);
  const { nginx, files, inContainer } = await openNginx(settings, {
    docker,
    pidPath: async () => (await read()).pidPath,
  });
  let user: UserConfig | undefined;
  let tree: { readonly user: UserConfig; readonly written: TestTree } | undefined;
  /** Where the error log ended when the last reload was asked for. */
  let logEnd = 0;
  let lastReload: Reload | undefined;

  const read = async (): Promise<UserConfig> => {
    if (!user || !(await user.isCurrent())) user = await readUserConfig(config, entry, files);
    return user;
  };

  const errorLog = async (): Promise<string | undefined> => {
    if (inContainer) return undefined;
    const path = (await read()).errorLogPath ?? (await nginx.build()).errorLogPath;
    return path.startsWith('/') ? path : undefined; // stderr, syslog:, or relative to a prefix
  };

  return {
    async hasModule(name) {
      return (await nginx.build()).modules.has(name);
    },
    async version() {
      return (await nginx.build()).version;
    },
    async facts() {
      const current = await read();
      return {
        included: current.entries.size > 0,
        handWritten: handWrittenOn(current, settings),
        userDirectives: new Set(current.httpDirectives.keys()),
        userDefaults: current.defaultServers,
        shutdownTimeout: current.shutdownTimeout,
      };
    },
    async test(indexPath) {
      const current = await read();
      if (tree?.user !== current || !(await tree.written.isThere())) {
        tree = { user: current, written: await writeTestTree(current, join(dir, 'test')) };
      }
      const { written } = tree;
      await written.pointTo(indexPath);
      return runTest(nginx, written.configPath, { testMs, translate: written.translate });
    },
    testLive: () => runTest(nginx, config, { testMs, translate: (text) => text }),
    requireRunning: () => nginx.requireRunning(),
    async reload() {
      logEnd = await sizeOf(await errorLog());
      lastReload = await nginx.reload();
    },
    async workers() {
      const { accepting, old } = await nginx.workers();
      return { accepting: accepting.length, old: old.length };
    },
    served: () => servedGeneration({ port, proxyProtocol }),
    async confirm(id) {
      const isServed = async (): Promise<boolean> =>
        (await servedGeneration({ port, proxyProtocol })) === id &&
        !(await lastReload?.oldWorkersAccept());
      let deadSince = Infinity;
      const isDead = async (): Promise<boolean> => {
        const dead = (await lastReload?.nobodyAccepts()) === true;
        deadSince = dead ? Math.min(deadSince, performance.now()) : Infinity;
        return performance.now() - deadSince > DEAD_AFTER_MS;
      };
      let died = false;
      const isDecided = async (): Promise<boolean> => (await isServed()) || (died = await isDead());
      if ((await waitFor(isDecided, confirmTimeoutMs)) && !died) return;
      if (died) {
        throw new PortcullisError(
          'nginx-reload-failed',
          `Nginx took the reload, but its new workers end as soon as they begin, so it serves nobody: correct what its log says in ${config}, then it is reloaded by itself`,
          { detail: await linesSince(await errorLog(), logEnd) },
        );
      }
      throw new PortcullisError(
        'nginx-reload-failed',
        `Nginx was told to reload, but after ${confirmTimeoutMs / 1000} s no worker on 127.0.0.1:${port} serves the new generation; the one before is live again`,
        { detail: await linesSince(await errorLog(), logEnd) },
      );
    },
  };
}

async function runTest(
  nginx: Nginx,
  configPath: string,
  { testMs, translate }: { testMs: number; translate: (text: string) => string },
): Promise<TestResult> {
  const { code, stdout, stderr, timedOut } = await nginx.test(configPath, testMs);
  const output = translate(`${stderr}${stdout}`);
  if (!timedOut) {
    const result = parseTestOutput(code, output);
    const hint = result.ok ? undefined : hintFor(result.reason);
    return result.ok || hint === undefined
      ? result
      : { ...result, reason: `${result.reason}; ${hint}` };
  }
  // No site is to blame: each further test would take as long.
  throw new PortcullisError(
    'nginx-hangs',
    `nginx -t gave no answer within ${testMs / 1000} s (nginx.test_timeout) and was ended; a name that no resolver answers can hold it up; what was live stays live`,
    { detail: output },
  );
}

function hintFor(reason: string): string | undefined {
  if (reason.includes('(30: Read-only file system)')) {
    return 'where the unit portcullis.service keeps it out, run "portcullis init" again';
  }
  const uid = process.geteuid?.();
  if (uid !== 0 && reason.includes('(13: Permission denied)')) {
    const port = reason.startsWith('bind()') ? ' (a port below 1024: CAP_NET_BIND_SERVICE)' : '';
    return `nginx -t runs as the user of Portcullis, uid ${uid}, who needs that right${port}`;
  }
  return undefined;
}
