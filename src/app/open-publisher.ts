/** Puts the publisher together for real use: settings -> store, templates, Nginx. */
import { mkdir } from 'node:fs/promises';
import { contentHash } from '../adapters/content-hash.ts';
import { openStore, type GenerationStore } from '../adapters/generation-store.ts';
import { hasIpv6 } from '../adapters/ipv6.ts';
import { namesOfFiles } from '../adapters/file-names.ts';
import type { Log } from '../adapters/log.ts';
import { openNginxHost } from '../adapters/nginx-host.ts';
import { readTree } from '../adapters/nginx-tree.ts';
import { loadTemplates } from '../adapters/templates.ts';
import type { NginxHost } from '../core/nginx-host.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';
import { listening, type ListeningNginx } from './listen-settings.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import { createIndexRenderer } from './index-renderer.ts';
import { createSiteRenderer } from './site-renderer.ts';

export type OpenedPublisher = {
  readonly publisher: Publisher;
  readonly store: GenerationStore;
  readonly nginx: NginxHost;
  /** Undefined where it cannot be asked now. */
  readonly nginxVersion: string | undefined;
  /** See `Listening`. */
  readonly nextExpiryAt: number;
};

/** @param docker URL of the Docker API; used only where Nginx runs in a container */
export async function openPublisher(
  settings: Settings,
  log: Log,
  { docker }: { readonly docker?: string | undefined } = {},
): Promise<OpenedPublisher> {
  const ipv6 = settings.nginx.ipv6 && (await hasIpv6());
  if (settings.nginx.ipv6 && !ipv6) log.debug('ipv6-off', { reason: 'this machine has no IPv6' });
  const store = openStore(settings.nginx.dir);
  const templates = await loadTemplates(settings.template_dir);
  const nginx = await openNginxHost(settings, { docker });
  const installed = await installedNginx(nginx);
  if (settings.nginx.http3 && installed && !installed.hasHttp3) {
    log.warn('http3-off', { reason: `Nginx ${installed.version} is built without HTTP/3` });
  }
  const { listen, nextExpiryAt } = listening(settings, {
    templates,
    ipv6,
    installed,
    now: Date.now(),
  });
  const publisher = createPublisher({
    store,
    listen,
    log,
    nginx,
    renderSites: createSiteRenderer({ templates, listen, read: readTree, hash: contentHash }),
    renderIndex: createIndexRenderer(templates.index),
    hash: contentHash,
    keepDrift: settings.nginx.drift === 'keep',
    authFiles: () => namesOfFiles(settings.auth_dir),
    makeAcmeDir: () => makeFolderIfAllowed(settings.tls.acme_dir, log),
  });
  return { publisher, store, nginx, nginxVersion: installed?.version, nextExpiryAt };
}

/** An Nginx that cannot be asked, as in a container that does not run, is told of when it is needed. */
async function installedNginx(nginx: NginxHost): Promise<ListeningNginx | undefined> {
  try {
    return {
      version: await nginx.version(),
      hasHttp2: await nginx.hasModule('http_v2'),
      hasHttp3: await nginx.hasModule('http_v3'),
    };
  } catch (error) {
    if (error instanceof PortcullisError) return undefined;
    throw error;
  }
}

/** An ACME client refuses a webroot that is not there. Without it everything else works. */
async function makeFolderIfAllowed(folder: string, log: Log): Promise<void> {
  if (folder === '') return;
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    log.debug('no-acme-dir', {
      folder,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
