/** Lets systemd load the firewall before Docker starts, with nothing of Node in it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../adapters/atomic-file.ts';
import { writeBootFiles } from '../adapters/boot-file.ts';
import { chooseBackend } from '../adapters/choose-backend.ts';
import { isThere, runsSystemd, SYSTEMD, systemctl, type Systemd } from '../adapters/systemd.ts';
import { bootFiles, BOOT_UNIT, bootUnit } from '../core/firewall/boot.ts';
import { NO_RULES } from '../core/firewall/ruleset.ts';
import type { Settings } from '../core/settings-schema.ts';
import { textAt } from './init-file.ts';
import type { Step } from './init-step.ts';
import { unifiedDiff } from './unified-diff.ts';

const LOST = 'the firewall does not load at boot';

/** None where the firewall is not to be enforced, where there is no systemd, and where the unit is there already. */
export async function bootSteps(
  settings: Settings,
  systemd: Systemd = SYSTEMD,
): Promise<readonly Step[]> {
  if (settings.firewall.mode !== 'enforce' || !(await runsSystemd(systemd))) return [];
  const { kind } = await chooseBackend(systemd.run, settings.firewall.backend);
  const folder = settings.firewall.state_dir;
  const path = join(systemd.unitDir, BOOT_UNIT);
  const text = bootUnit(folder, kind);
  const before = await textAt(path);
  if (before === text) return [];
  const diff = unifiedDiff(
    before === undefined ? new Map() : new Map([[path, before]]),
    new Map([[path, text]]),
  );
  return [
    {
      shown: `${diff}write ${path} and enable it: the firewall is loaded before Docker starts`,
      act: async () => {
        const [first = ''] = bootFiles(NO_RULES, kind).keys();
        // A unit without its file would fail at every boot until the first "generate" or "watch".
        if (!(await isThere(join(folder, first)))) await writeBootFiles(NO_RULES, kind, folder);
        await writeAtomically(path, text);
        await systemctl(systemd, ['daemon-reload'], LOST);
        await systemctl(systemd, ['enable', BOOT_UNIT], LOST);
      },
    },
  ];
}

export async function bootUndoSteps(systemd: Systemd = SYSTEMD): Promise<readonly Step[]> {
  const path = join(systemd.unitDir, BOOT_UNIT);
  if (!(await isThere(path))) return [];
  return [
    {
      shown: `disable and remove ${path}`,
      act: async () => {
        if (await runsSystemd(systemd))
          await systemctl(systemd, ['disable', BOOT_UNIT], 'the unit is still there');
        await rm(path, { force: true });
        if (await runsSystemd(systemd)) {
          await systemctl(systemd, ['daemon-reload'], 'systemd still knows the unit');
        }
      },
    },
  ];
}
