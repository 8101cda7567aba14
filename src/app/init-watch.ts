/** Lets systemd run `watch`, with no more rights than that takes. */
import { realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolder, writeAtomically } from '../adapters/atomic-file.ts';
import { ENTRY } from '../adapters/generation-store.ts';
import { readUserConfig } from '../adapters/nginx-user-config.ts';
import { openNginx } from '../adapters/open-nginx.ts';
import { packageRoot } from '../adapters/package-root.ts';
import { runsSystemd, SYSTEMD, systemctl, unitIs, type Systemd } from '../adapters/systemd.ts';
import { WATCH_UNIT, watchUnit } from '../core/watch-unit.ts';
import type { WatchUnitState } from '../core/doctor/host-checks.ts';
import { settingsSchema, type Settings } from '../core/settings-schema.ts';
import { changeOf, isOurs, textAt } from './init-file.ts';
import type { Step } from './init-step.ts';

export type WatchUnitOptions = {
  /** The settings file, where one was given or found. */
  readonly file: string | undefined;
  /** As `--docker` gave it. */
  readonly docker?: string | undefined;
  /** Is it to be enabled and started as well? */
  readonly enable: boolean;
};

const LOST = 'containers are not followed';

/** None where there is no systemd, and where all is as it should be. */
export async function watchSteps(
  settings: Settings,
  options: WatchUnitOptions,
  systemd: Systemd = SYSTEMD,
): Promise<readonly Step[]> {
  if (!(await runsSystemd(systemd))) return [];
  const path = join(systemd.unitDir, WATCH_UNIT);
  const text = watchUnit({
    command: [...(await programCommand()), ...givenOptions(options)],
    writes: [...ownFolders(settings), ...(await nginxFolders(settings))],
  });
  const packaged = (await textAt(join(systemd.vendorDir, WATCH_UNIT))) === text;
  const isPackaged = packaged && (await textAt(path)) === undefined;
  const change = isPackaged ? undefined : await changeOf(path, text);
  const on =
    (await unitIs(systemd, 'is-enabled', WATCH_UNIT)) &&
    (await unitIs(systemd, 'is-active', WATCH_UNIT));
  return [
    ...(change === undefined
      ? []
      : [
          {
            shown: change,
            act: async () => {
              for (const folder of ownFolders(settings)) await makeFolder(folder);
              await writeAtomically(path, text);
              await systemctl(systemd, ['daemon-reload'], LOST);
              await systemctl(systemd, ['try-restart', WATCH_UNIT], LOST);
            },
          },
        ]),
    ...(on || !options.enable
      ? []
      : [
          {
            shown: `enable and start ${WATCH_UNIT}`,
            act: () => systemctl(systemd, ['enable', '--now', WATCH_UNIT], LOST),
          },
        ]),
  ];
}

export async function watchUndoSteps(systemd: Systemd = SYSTEMD): Promise<readonly Step[]> {
  const path = join(systemd.unitDir, WATCH_UNIT);
  const text = await textAt(path);
  const there = await runsSystemd(systemd);
  const packaged = (await textAt(join(systemd.vendorDir, WATCH_UNIT))) !== undefined;
  const ours = text !== undefined && isOurs(text);
  const on = there && (ours || packaged) && (await isOn(systemd));
  if (!ours && !on) return [];
  const disables = on ? `stop and disable ${WATCH_UNIT}` : '';
  const removes = ours ? `remove ${path}` : '';
  return [
    {
      shown: [disables, removes].filter((each) => each !== '').join(', '),
      act: async () => {
        if (on) await systemctl(systemd, ['disable', '--now', WATCH_UNIT], 'it is still running');
        if (ours) await rm(path, { force: true });
        if (there) await systemctl(systemd, ['daemon-reload'], 'systemd still knows the unit');
      },
    },
  ];
}

const isOn = async (systemd: Systemd): Promise<boolean> =>
  (await unitIs(systemd, 'is-enabled', WATCH_UNIT)) ||
  (await unitIs(systemd, 'is-active', WATCH_UNIT));

/** What the shell that runs `init` has, and the unit will not. */
export const unseenVariables = (env: NodeJS.ProcessEnv): readonly string[] =>
  Object.keys(env).filter((name) => /^(?:PORTCULLIS_|DOCKER_(?:HOST|CERT_PATH|TLS))/.test(name));

/** The unit of a package that links the program where `PATH` finds it, with settings that are all defaults. */
export const packagedUnit = (): string =>
  watchUnit({ command: [LINK], writes: ownFolders(settingsSchema.parse({})) });

const LINK = '/usr/bin/portcullis';

/** By its name where packages link it, which lasts over upgrades; else this very Node and this very file. */
async function programCommand(): Promise<readonly string[]> {
  const program = join(packageRoot(), 'dist', 'cli.js');
  const real = await realpath(program).catch(() => program);
  const linked = await realpath(LINK).catch(() => undefined);
  return linked === real ? [LINK] : [process.execPath, real];
}

function givenOptions({ file, docker }: WatchUnitOptions): readonly string[] {
  const standard = '/etc/portcullis/portcullis.yaml';
  const path = file === undefined ? standard : resolve(file);
  return [
    ...(path === standard ? [] : ['--config', path]),
    ...(docker === undefined ? [] : ['--docker', docker]),
  ];
}

const ownFolders = ({ nginx, firewall, tls }: Settings): readonly string[] =>
  [nginx.dir, firewall.state_dir, tls.acme_dir].filter((path) => path !== '');

/** Empty where Nginx is in a container: it opens its files there. */
async function nginxFolders(settings: Settings): Promise<readonly string[]> {
  const { config, dir, control, access_log: log } = settings.nginx;
  if (control.startsWith('container:')) return [];
  const { nginx } = await openNginx(settings);
  const [{ writtenFolders }, { prefix, pidPath, errorLogPath }] = await Promise.all([
    readUserConfig(config, join(dir, ENTRY)),
    nginx.build(),
  ]);
  return [
    ...writtenFolders.map((path) => resolve(prefix, path)),
    ...[log, pidPath, errorLogPath]
      .filter((path) => path.startsWith('/'))
      .map((path) => resolve(path, '..')),
  ].filter((path) => path !== '/');
}

/** What `doctor` tells of the unit. */
export async function watchUnitState(
  settings: Settings,
  options: Omit<WatchUnitOptions, 'enable'>,
  systemd: Systemd = SYSTEMD,
): Promise<WatchUnitState> {
  if (!(await runsSystemd(systemd))) return 'no systemd';
  const folders = [systemd.unitDir, systemd.vendorDir];
  const texts = await Promise.all(folders.map((folder) => textAt(join(folder, WATCH_UNIT))));
  if (texts.every((text) => text === undefined)) return 'missing';
  const steps = await watchSteps(settings, { ...options, enable: false }, systemd);
  if (steps.length > 0) return 'outdated';
  if (!(await unitIs(systemd, 'is-enabled', WATCH_UNIT))) return 'not enabled';
  return (await unitIs(systemd, 'is-active', WATCH_UNIT)) ? 'running' : 'not running';
}
