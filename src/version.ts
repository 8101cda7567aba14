import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './adapters/package-root.ts';

/** Of this package. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
