/** Lets systemd load the firewall before Docker starts, with nothing of Node in it. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../adapters/atomic-file.ts';
import { writeBootFiles } from '../adapters/boot-file.ts';
import { chooseBackend } from '../adapters/choose-backend.ts';
import { run as plainRun, type Run } from '../adapters/run.ts';
import { bootFiles, BOOT_UNIT, bootUnit } from '../core/firewall/boot.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import type { Step } from './init-step.ts';

export type Systemd = {
  readonly run: Run;
  /** There only where systemd runs. */
  readonly runtimeDir: string;
  readonly unitDir: string;
};

const SYSTEMD: Systemd = {
  run: plainRun,
  runtimeDir: '/run/systemd/system',
  unitDir: '/etc/systemd/system',
};

const NOTHING_KNOWN: Ruleset = {
  bridges: [],
  trustedInterfaces: [],
  trustedSources: [],
  held: [],
  grants: [],
  routed: [],
};

/** None where the firewall is not to be enforced, where there is no systemd, and where the unit is there already. */
export async function bootSteps(
  settings: Settings,
  systemd: Systemd = SYSTEMD,
): Promise<readonly Step[]> {
  if (settings.firewall.mode !== 'enforce' || !(await exists(systemd.runtimeDir))) return [];
  const { kind } = await chooseBackend(systemd.run, settings.firewall.backend);
  const folder = settings.firewall.state_dir;
  const path = join(systemd.unitDir, BOOT_UNIT);
  const text = bootUnit(folder, kind);
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return [];
  return [
    {
      shown: `write ${path} and enable it: the firewall is loaded before Docker starts`,
      act: async () => {
        const [first = ''] = bootFiles(NOTHING_KNOWN, kind).keys();
        // A unit without its file would fail at every boot until the first "generate" or "watch".
        if (!(await exists(join(folder, first)))) await writeBootFiles(NOTHING_KNOWN, kind, folder);
        await writeAtomically(path, text);
        await systemctl(systemd.run, ['daemon-reload']);
        await systemctl(systemd.run, ['enable', BOOT_UNIT]);
      },
    },
  ];
}

export async function bootUndoSteps(systemd: Systemd = SYSTEMD): Promise<readonly Step[]> {
  const path = join(systemd.unitDir, BOOT_UNIT);
  if (!(await exists(path))) return [];
  return [
    {
      shown: `disable and remove ${path}`,
      act: async () => {
        if (await exists(systemd.runtimeDir)) await systemctl(systemd.run, ['disable', BOOT_UNIT]);
        await rm(path, { force: true });
        if (await exists(systemd.runtimeDir)) await systemctl(systemd.run, ['daemon-reload']);
      },
    },
  ];
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function systemctl(run: Run, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run('systemctl', args);
  if (code === 0) return;
  const message = `systemctl ${args.join(' ')} failed; the firewall does not load at boot`;
  throw new PortcullisError('firewall-unavailable', message, { detail: stderr });
}
