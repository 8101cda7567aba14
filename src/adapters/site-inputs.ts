import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNameService, type NameService } from '../core/name-service.ts';
import type { SiteInputs } from '../core/site-inputs.ts';
import { readSnippet, type Snippet, type Snippets } from '../core/snippet.ts';
import type { Settings } from '../core/settings-schema.ts';
import { whyUnreadable } from './why-unreadable.ts';

/** Where distributions keep all authorities in one file: Debian and Alpine, RHEL, older ones, SUSE. */
const SYSTEM = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
];

/** Reads the files beside the labels that sites are made of, once. */
export function readSiteInputs(
  { tls, snippet_dir }: Pick<Settings, 'tls' | 'snippet_dir'>,
  templates: SiteInputs['templates'],
  names = readNames(),
): SiteInputs {
  return {
    templates,
    authorities: new Map(
      namesIn(tls.ca_dir).flatMap((file): readonly (readonly [string, string])[] => {
        const name = /^(.+)\.(?:crt|pem)$/.exec(file)?.[1];
        return name === undefined ? [] : [[name, join(tls.ca_dir, file)]];
      }),
    ),
    systemAuthorities: tls.upstream_ca === '' ? SYSTEM.find(existsSync) : tls.upstream_ca,
    snippets: readSnippets(snippet_dir),
    names,
  };
}

/** What the C library of this machine reads, and so of an Nginx on it or in a container on its network. */
export const NAME_FILES = ['/etc/hosts', '/etc/resolv.conf'] as const;

function readNames(): NameService {
  const [hosts, resolvConf] = NAME_FILES;
  return readNameService(textIfThere(hosts), textIfThere(resolvConf));
}

function textIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const readSnippets = (folder: string): Snippets =>
  new Map(
    namesIn(folder)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => [name, snippetIn(join(folder, name))]),
  );

function snippetIn(file: string): Snippet {
  try {
    return readSnippet(file, readFileSync(file, 'utf8'));
  } catch (error) {
    return { file, broken: `${file}: ${whyUnreadable(error)}` };
  }
}

/** None where the folder cannot be listed. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
