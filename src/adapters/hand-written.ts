import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HandWritten } from '../core/routes.ts';
import type { Settings } from '../core/settings-schema.ts';
import { ENTRY } from './generation-store.ts';
import { readUserConfig, type UserConfig } from './nginx-user-config.ts';
import { openNginx, type OpenOptions } from './open-nginx.ts';

/** Host names of the user's own server blocks; none where there is no Nginx configuration. */
export async function readHandWritten(
  settings: Settings,
  options: OpenOptions = {},
): Promise<ReadonlyMap<string, HandWritten>> {
  const { config, dir } = settings.nginx;
  const { files, inContainer } = await openNginx(settings, options);
  const isThere =
    inContainer ||
    (await lstat(config).then(
      () => true,
      () => false,
    ));
  if (!isThere) return new Map();
  return handWrittenOn(await readUserConfig(config, join(dir, ENTRY), files), settings);
}

/** A server block on another port is in nobody's way. */
export function handWrittenOn(
  { claims }: UserConfig,
  { nginx: { listen_http, listen_https } }: Settings,
): ReadonlyMap<string, HandWritten> {
  const found = new Map<string, HandWritten>();
  for (const { host, file, line, ports } of claims) {
    const meets = ports.includes(listen_http) || ports.includes(listen_https);
    if (meets && !host.startsWith('~') && !found.has(host)) found.set(host, { file, line });
  }
  return found;
}
