import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { Resolved } from '../core/doctor/host-checks.ts';
import { codeOf } from './atomic-file.ts';

/** Asks for a name below `domain` that nobody has. @throws where no resolver answers */
export async function resolveWildcard(domain: string, signal: AbortSignal): Promise<Resolved> {
  const resolver = new Resolver({ timeout: 1_500, tries: 1 });
  signal.addEventListener('abort', () => resolver.cancel(), { once: true });
  const name = `portcullis-${randomBytes(6).toString('hex')}.${domain}`;
  const none = (error: unknown): readonly string[] => {
    if (['ENOTFOUND', 'ENODATA'].includes(codeOf(error))) return [];
    throw error;
  };
  const [v4, v6] = await Promise.all([
    resolver.resolve4(name).catch(none),
    resolver.resolve6(name).catch(none),
  ]);
  const own = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).map(({ address }) => address),
  );
  return { name, addresses: [...v4, ...v6], own };
}
