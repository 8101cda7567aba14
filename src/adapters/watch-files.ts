import { watch } from 'chokidar';

/**
 * Calls `onChange` with the path of what changed below `paths`, until `signal` aborts. A path that
 * does not exist yet is seen when it comes. An edit in several writes is told once it is still.
 */
export async function watchFiles(
  paths: readonly string[],
  onChange: (path: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (paths.length === 0 || signal.aborted) return;
  const watcher = watch([...paths], {
    ignoreInitial: true,
    depth: 2,
    awaitWriteFinish: { stabilityThreshold: 100, pollInterval: 20 },
  });
  watcher.on('all', (_event, path) => onChange(path));
  watcher.on('error', () => {}); // a folder that cannot be watched is read again at every resync
  await new Promise<void>((resolve) => {
    watcher.once('ready', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  signal.addEventListener('abort', () => void watcher.close(), { once: true });
  if (signal.aborted) await watcher.close();
}
