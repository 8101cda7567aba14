import { existsSync } from 'node:fs';
import { watch } from 'chokidar';

/** How often a path that is not there is looked for, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Calls `onChange` with the path of what changed below `paths`, until `signal` aborts. A path that
 * does not exist yet is seen when it comes, its parents too. An edit in several writes is told once
 * it is still.
 */
export async function watchFiles(
  paths: readonly string[],
  onChange: (path: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (paths.length === 0 || signal.aborted) return;
  const missing = new Set(paths.filter((path) => !existsSync(path)));
  const watcher = watch(
    paths.filter((path) => !missing.has(path)),
    {
      ignoreInitial: true,
      depth: 2,
      awaitWriteFinish: { stabilityThreshold: 100, pollInterval: 20 },
    },
  );
  watcher.on('all', (_event, path) => onChange(path));
  watcher.on('error', () => {}); // a folder that cannot be watched is read again at every resync
  // A watcher sees a missing path come only where its parent is there: /etc/letsencrypt/live has none.
  const look = (): void => {
    for (const path of [...missing].filter((each) => existsSync(each))) {
      missing.delete(path);
      watcher.add(path);
      onChange(path);
    }
  };
  const looking = missing.size > 0 ? setInterval(look, LOOK_MS) : undefined;
  const end = (): void => {
    clearInterval(looking);
    void watcher.close();
  };
  if (missing.size < paths.length) {
    await new Promise<void>((resolve) => {
      watcher.once('ready', () => resolve());
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  if (signal.aborted) return end();
  signal.addEventListener('abort', end, { once: true });
}
