import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bootFiles, type BootBackend } from '../core/firewall/boot.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import { makeFolder, syncFolder, unwritable, writeAtomically } from './atomic-file.ts';

export const BOOT_FOLDER = '/var/lib/portcullis';

/**
 * Writes what the boot unit loads, each file whole or not at all, also over a power cut.
 *
 * @throws {PortcullisError} `files-unwritable`
 */
export async function writeBootFiles(
  ruleset: Ruleset,
  backend: BootBackend,
  folder: string = BOOT_FOLDER,
): Promise<void> {
  await makeFolder(folder);
  for (const [name, text] of bootFiles(ruleset, backend))
    await writeAtomically(join(folder, name), text);
  await syncFolder(folder).catch((cause: unknown) => {
    throw unwritable(folder, cause);
  });
}

export async function removeBootFiles(folder: string = BOOT_FOLDER): Promise<void> {
  for (const name of ['boot.nft', 'boot.rules.v4', 'boot.rules.v6']) {
    await rm(join(folder, name), { force: true });
  }
}
