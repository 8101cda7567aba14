/** The plan without rendering or writing: for `routes`. */
import { readCertificates } from '../adapters/certificates.ts';
import { openStore } from '../adapters/generation-store.ts';
import { readHandWritten } from '../adapters/hand-written.ts';
import { namesIfThere, namesOfFiles } from '../adapters/file-names.ts';
import { readSiteInputs } from '../adapters/site-inputs.ts';
import { loadTemplates } from '../adapters/templates.ts';
import { holdersOf, type Quarantined } from '../core/generation.ts';
import type { Container } from '../core/model.ts';
import { planRoutes } from '../core/routes.ts';
import { refusing } from '../core/site-inputs.ts';
import type { RoutePlan } from '../core/routes-model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { certificateChooser, type ChooseCertificate } from '../core/tls/site-tls.ts';
import { createCandidates } from './candidates.ts';

/** As `generate` would choose. */
export const certificatesOf = ({ tls }: Settings): ChooseCertificate =>
  certificateChooser(readCertificates(tls.cert_dir), Date.now());

/** What `generate` would serve for these containers, as far as can be told without Nginx. */
export async function planFor(
  containers: readonly Container[],
  settings: Settings,
  options: { readonly docker?: string | undefined } = {},
): Promise<RoutePlan> {
  const live = await openStore(settings.nginx.dir).live();
  return planRoutes(createCandidates(settings)(containers), {
    handWritten: await readHandWritten(settings, options),
    holders: holdersOf(live?.manifest),
    authFiles: await (live ? namesOfFiles : namesIfThere)(settings.auth_dir),
    certificateOf: certificatesOf(settings),
    ...refusing(readSiteInputs(settings, (await loadTemplates(settings.template_dir)).names)),
  });
}

/** Sites of the live generation that Nginx refused, by host. */
export async function quarantinedNow(
  settings: Settings,
): Promise<ReadonlyMap<string, Quarantined>> {
  const live = await openStore(settings.nginx.dir).live();
  return new Map(live?.manifest.quarantined.map((each) => [each.host, each]));
}
