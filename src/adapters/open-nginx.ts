import type { Settings } from '../core/settings-schema.ts';
import { localFiles, type ConfigFiles } from './config-files.ts';
import { containerFiles } from './container-files.ts';
import type { Nginx } from './nginx-control.ts';
import { openContainerNginx } from './nginx-in-container.ts';
import { openLocalNginx } from './nginx-local.ts';
import { run } from './run.ts';

export type OpenOptions = {
  /** URL of the Docker API; used only where Nginx runs in a container. */
  readonly docker?: string | undefined;
  /** What the configuration's `pid` directive says. */
  readonly pidPath?: () => Promise<string | undefined>;
};

export type OpenedNginx = {
  readonly nginx: Nginx;
  /** Where its configuration is read from. */
  readonly files: ConfigFiles;
  readonly inContainer: boolean;
};

/** The Nginx that `nginx.control` means. */
export async function openNginx(
  { nginx: { control, binary } }: Settings,
  { docker, pidPath = async () => undefined }: OpenOptions = {},
): Promise<OpenedNginx> {
  const container = /^container:(.+)$/.exec(control)?.[1];
  if (container === undefined) {
    const kind = control === 'local' || control === 'systemd' ? control : 'auto';
    const nginx = openLocalNginx({ control: kind, binary, run, pidPath });
    return { nginx, files: localFiles, inContainer: false };
  }
  const { openDocker } = await import('./docker.ts'); // only this way of control needs it
  const source = await openDocker({ url: docker, env: process.env });
  return {
    nginx: openContainerNginx(container, { control: source.control, binary, pidPath }),
    files: containerFiles(source.control, container),
    inContainer: true,
  };
}
