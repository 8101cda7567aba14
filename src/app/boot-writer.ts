/** Keeps what boot loads true to the rules in force. */
import { writeBootFiles } from '../adapters/boot-file.ts';
import type { FirewallBackend } from '../adapters/firewall-backend.ts';
import type { Log } from '../adapters/log.ts';
import type { Ruleset } from '../core/firewall/ruleset.ts';
import type { Settings } from '../core/settings-schema.ts';
import { troubleOf } from './trouble.ts';

export type BootWriter = {
  /** False: it could not be written, and is to be tried again. */
  write(ruleset: Ruleset): Promise<boolean>;
};

/** A disk in trouble is told once while it lasts; the rules in force are none the worse for it. */
export function createBootWriter(
  { settings, log }: { readonly settings: Settings; readonly log: Log },
  { kind }: Pick<FirewallBackend, 'kind'>,
): BootWriter {
  let last = '';
  return {
    async write(ruleset) {
      try {
        await writeBootFiles(ruleset, kind, settings.firewall.state_dir);
      } catch (error) {
        const { message } = troubleOf(error);
        if (message !== last) {
          log.error('boot-rules-not-written', {
            reason: message,
            firewall: 'enforced; what boot loads is the old state',
          });
        }
        last = message;
        return false;
      }
      if (last !== '') log.info('boot-rules-written', { folder: settings.firewall.state_dir });
      last = '';
      return true;
    },
  };
}
