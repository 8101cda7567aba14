import { open, stat } from 'node:fs/promises';

const MAX_LOG_BYTES = 64 * 1024;

export async function sizeOf(path: string | undefined): Promise<number> {
  if (path === undefined) return 0;
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/**
 * The last severe lines, or else the last lines, that a log was given since it ended at `from` bytes.
 */
export async function linesSince(path: string | undefined, from: number): Promise<string> {
  if (path === undefined) return '';
  const file = await open(path).catch(() => undefined);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(size < from ? 0 : from, size - MAX_LOG_BYTES); // smaller: rotated
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    const lines = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n');
    const severe = lines.filter((line) => /\[(?:emerg|alert|crit|error)\]/.test(line));
    return (severe.length > 0 ? severe : lines).slice(-5).join('\n');
  } finally {
    await file.close();
  }
}
