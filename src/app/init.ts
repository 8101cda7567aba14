/** Makes Nginx read what Portcullis writes, and takes that back. */
import { readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  codeOf,
  makeFolder,
  readEncoded,
  replaceFile,
  unwritable,
  type Encoded,
} from '../adapters/atomic-file.ts';
import { ENTRY, openStore } from '../adapters/generation-store.ts';
import type { Log } from '../adapters/log.ts';
import { openNginxHost } from '../adapters/nginx-host.ts';
import { leadsTo, readUserConfig } from '../adapters/nginx-user-config.ts';
import { planInclude, withoutIncludeLine, type IncludePlan } from '../core/include-plan.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import type { Step } from './init-step.ts';
import { openPublisher } from './open-publisher.ts';
import { unifiedDiff } from './unified-diff.ts';

/** The steps that are missing for Nginx to read our entry; none when it does. Changes nothing yet. */
export async function nginxSteps(
  settings: Settings,
  log: Log,
  options: { readonly docker?: string | undefined } = {},
): Promise<readonly Step[]> {
  if (settings.nginx.control.startsWith('container:')) {
    await requireIncludedInContainer(settings, options);
    return [];
  }
  const entryPath = join(settings.nginx.dir, ENTRY);
  const user = await readUserConfig(settings.nginx.config, entryPath);
  const { text: configText, encoding } = await readEncoded(user.configPath);
  const plan = planInclude({
    configPath: user.configPath,
    configText,
    included: user.entries.size > 0,
    httpIncludes: user.includes
      .filter(({ context }) => context === 'http')
      .map(({ pattern }) => resolve(dirname(user.configPath), pattern)),
    entryPath,
  });
  if (plan.kind === 'impossible') throw new PortcullisError('nginx-rejected', plan.reason);
  if (plan.kind === 'already') return [];
  return [
    {
      shown: shownPlan(plan),
      act: async () => {
        await writeFirstGeneration(settings, log);
        await carryOut(plan, encoding);
        const result = await (await openNginxHost(settings)).testLive();
        if (result.ok) return;
        await takeBack(plan, encoding);
        throw new PortcullisError(
          'nginx-rejected',
          `Nginx refuses its configuration with ours included: ${result.reason}; it was taken out again`,
          { detail: result.output },
        );
      },
    },
  ];
}

/** An image is not changed from outside: its owner is told what to put in. */
async function requireIncludedInContainer(
  settings: Settings,
  options: { readonly docker?: string | undefined },
): Promise<void> {
  const { included } = await (await openNginxHost(settings, options)).facts();
  if (included) return;
  const { dir, config, control } = settings.nginx;
  throw new PortcullisError(
    'nginx-not-included',
    `Nginx runs in a container (nginx.control: ${control}), which init does not change: put "include ${dir}/*.conf;" in the http block of its ${config}, and mount ${dir} there at the same path`,
  );
}

/** The steps that take our link or line out of Nginx again. */
export async function nginxUndoSteps(settings: Settings): Promise<readonly Step[]> {
  if (settings.nginx.control.startsWith('container:')) return [];
  const entryPath = join(settings.nginx.dir, ENTRY);
  const user = await readUserConfig(settings.nginx.config, entryPath);
  const links = await Promise.all(
    [...user.entries].map(async (path) =>
      (await leadsTo(path, entryPath)) && path !== entryPath ? [path] : [],
    ),
  );
  const { text, encoding } = await readEncoded(user.configPath);
  const without = withoutIncludeLine(text, entryPath);
  return [
    ...links.flat().map((path): Step => ({
      shown: `remove the link ${path}`,
      act: () => rm(path),
    })),
    ...(without === text
      ? []
      : [
          {
            shown: unifiedDiff(
              new Map([[user.configPath, text]]),
              new Map([[user.configPath, without]]),
            ),
            act: () => replaceFile(user.configPath, { text: without, encoding }),
          },
        ]),
  ];
}

function shownPlan(plan: Exclude<IncludePlan, { kind: 'already' | 'impossible' }>): string {
  if (plan.kind === 'link') return `link ${plan.path} -> ${plan.target}`;
  return unifiedDiff(new Map([[plan.file, plan.before]]), new Map([[plan.file, plan.after]]));
}

/** An include of a file that is not there would stop Nginx: one without sites comes first. */
async function writeFirstGeneration(settings: Settings, log: Log): Promise<void> {
  const store = openStore(settings.nginx.dir);
  if (await store.live()) return;
  const { publisher } = await openPublisher(settings, log);
  const { generation } = await publisher.desire([]);
  await store.writeSites(generation);
  await store.writeIndex(generation);
  await store.switchTo(generation.id);
  log.debug('first-generation', { id: generation.id });
}

async function carryOut(
  plan: Exclude<IncludePlan, { kind: 'already' | 'impossible' }>,
  encoding: Encoded['encoding'],
): Promise<void> {
  const path = plan.kind === 'link' ? plan.path : plan.file;
  try {
    if (plan.kind === 'link') {
      const there = await readlink(path).catch(() => undefined);
      if (there !== undefined && there === plan.target) return;
      // Nginx takes a pattern in a folder that is not there.
      await makeFolder(dirname(path));
      await symlink(plan.target, path);
    } else {
      await replaceFile(path, { text: plan.after, encoding });
    }
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') {
      throw new PortcullisError(
        'files-unwritable',
        `${path} is there already and is not ours: move it away first`,
        { cause },
      );
    }
    throw cause instanceof PortcullisError ? cause : unwritable(path, cause);
  }
}

async function takeBack(
  plan: Exclude<IncludePlan, { kind: 'already' | 'impossible' }>,
  encoding: Encoded['encoding'],
): Promise<void> {
  if (plan.kind === 'link') await rm(plan.path, { force: true });
  else if ((await readEncoded(plan.file)).text === plan.after)
    await replaceFile(plan.file, { text: plan.before, encoding });
}
