/** A generation without Nginx or Docker: for `generate --out` and `--dry-run`. */
import { resolve } from 'node:path';
import { contentHash } from '../adapters/content-hash.ts';
import { readTree } from '../adapters/nginx-tree.ts';
import { loadTemplates } from '../adapters/templates.ts';
import { buildGeneration } from '../core/generation.ts';
import type { FileTree, Problem } from '../core/model.ts';
import type { NameService } from '../core/name-service.ts';
import { planRoutes, type Candidate } from '../core/routes.ts';
import { refusing } from '../core/site-inputs.ts';
import { refusals } from '../core/quarantine.ts';
import type { Settings } from '../core/settings-schema.ts';
import { standaloneFiles } from '../core/shown-files.ts';
import { listening, type ListeningNginx } from './listen-settings.ts';
import { createIndexRenderer } from './index-renderer.ts';
import { createSiteRenderer } from './site-renderer.ts';

export type OfflineFacts = {
  /** The Nginx that the files are for; undefined: what every version reads. */
  readonly installed?: ListeningNginx;
  /** Names of the files in auth_dir; undefined where that is on another machine. */
  readonly authFiles?: ReadonlySet<string> | undefined;
  /** Undefined: this machine's. */
  readonly names?: NameService;
};

/**
 * @param dir where the files will lie: the index includes them by absolute path
 */
export async function desireOffline(
  candidates: readonly Candidate[],
  settings: Settings,
  dir: string,
  { installed, authFiles, names }: OfflineFacts = {},
): Promise<{ files: FileTree; problems: readonly Problem[] }> {
  const templates = await loadTemplates(settings.template_dir);
  const { listen } = listening(settings, {
    templates,
    ipv6: settings.nginx.ipv6,
    installed,
    now: Date.now(),
    names,
  });
  const render = createSiteRenderer({ templates, listen, read: readTree, hash: contentHash });
  const plan = planRoutes(candidates, {
    handWritten: new Map(),
    holders: new Map(),
    authFiles,
    ...(listen.tls && { certificateOf: listen.tls.certificateOf }),
    ...refusing(listen.inputs),
  });
  const rendered = render(plan.sites);
  const generation = buildGeneration(rendered, plan.rejected, {
    dir: resolve(dir),
    listen,
    userDirectives: new Set(),
    userDefaults: new Map(),
    renderIndex: createIndexRenderer(templates.index),
    hash: contentHash,
  });
  return {
    files: standaloneFiles(generation),
    problems: [...plan.problems, ...refusals(rendered)],
  };
}
