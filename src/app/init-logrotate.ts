/** Rotates the access log that `nginx.access_log` names, where nobody does yet. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../adapters/atomic-file.ts';
import { ENTRY } from '../adapters/generation-store.ts';
import { matchesGlob } from '../adapters/glob-paths.ts';
import { readUserConfig } from '../adapters/nginx-user-config.ts';
import { openNginx } from '../adapters/open-nginx.ts';
import { logrotateText, rotatedBy } from '../core/logrotate.ts';
import type { Settings } from '../core/settings-schema.ts';
import { changeOf, isOurs, textAt } from './init-file.ts';
import type { Step } from './init-step.ts';

const FOLDER = '/etc/logrotate.d';
const NAME = 'portcullis';

/** None without a log of its own, without logrotate, and where a file of somebody else rotates it. */
export async function logrotateSteps(
  settings: Settings,
  folder: string = FOLDER,
): Promise<readonly Step[]> {
  const { access_log: log, control } = settings.nginx;
  if (log === '' || control.startsWith('container:')) return [];
  const names = await readdir(folder).catch(() => undefined);
  if (!names) return [];
  for (const name of names.filter((each) => each !== NAME)) {
    const patterns = rotatedBy((await textAt(join(folder, name)).catch(() => '')) ?? '');
    if (patterns.some((pattern) => matchesGlob(pattern, log))) return [];
  }
  const path = join(folder, NAME);
  const text = logrotateText(log, await pidPathOf(settings));
  const change = await changeOf(path, text);
  return change === undefined ? [] : [{ shown: change, act: () => writeAtomically(path, text) }];
}

export async function logrotateUndoSteps(folder: string = FOLDER): Promise<readonly Step[]> {
  const path = join(folder, NAME);
  const text = await textAt(path);
  if (text === undefined || !isOurs(text)) return [];
  return [{ shown: `remove ${path}`, act: () => rm(path, { force: true }) }];
}

async function pidPathOf(settings: Settings): Promise<string> {
  const { config, dir } = settings.nginx;
  const given = (await readUserConfig(config, join(dir, ENTRY))).pidPath;
  if (given?.startsWith('/')) return given;
  return (await (await openNginx(settings)).nginx.build()).pidPath;
}
