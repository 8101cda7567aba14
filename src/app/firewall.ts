/** The firewall's part of a pass: snapshot and labels -> ruleset, and a backend that this host can carry. */
import { chooseBackend } from '../adapters/choose-backend.ts';
import type { DockerSource } from '../adapters/docker.ts';
import type { FirewallBackend } from '../adapters/firewall-backend.ts';
import { createClaims } from '../adapters/listeners.ts';
import type { Run } from '../adapters/run.ts';
import { containerAccess } from '../core/container-access.ts';
import type { EngineInfo } from '../core/docker/engine.ts';
import type { ContainerAccess } from '../core/firewall/access.ts';
import { firewallPolicy, type FirewallPolicy } from '../core/firewall/policy.ts';
import {
  contestedPorts,
  withoutForeign,
  withResting,
  type PortKeys,
} from '../core/firewall/resting.ts';
import type { Container, Snapshot } from '../core/model.ts';
import type { Settings } from '../core/settings-schema.ts';
import { PortcullisError } from '../errors.ts';

export type OthersPorts = {
  /** Of containers that do not run: see `withResting`. */
  readonly taken: PortKeys;
  /** Seen to be a program's that is no container's: see `withoutForeign`. */
  readonly foreign: PortKeys;
};

export type Policy = {
  of(snapshot: Snapshot, ports: OthersPorts): FirewallPolicy;
  /** See `contestedPorts`. */
  contested(snapshot: Snapshot, listening: PortKeys): PortKeys;
};

/** Reads labels, each container object only once. */
export function createPolicy(settings: Settings): Policy {
  const known = new WeakMap<Container, ContainerAccess | 'none'>();
  const accessOf = (container: Container): readonly ContainerAccess[] => {
    const access =
      known.get(container) ?? containerAccess(container, settings.label_prefix) ?? 'none';
    known.set(container, access);
    return access === 'none' ? [] : [access];
  };
  const { trusted_interfaces, trusted_sources } = settings.firewall;
  const own = ownPorts(settings);
  const one = (container: Container): ContainerAccess | undefined => accessOf(container)[0];
  return {
    of(given, { taken, foreign }) {
      const snapshot = withResting(given, taken, one);
      const { containers } = snapshot;
      const access = containers.flatMap((container) =>
        accessOf(container).map((each) =>
          withoutForeign(container, each, { foreign, own, containers }),
        ),
      );
      const policy = firewallPolicy(
        snapshot,
        access.map((each) => each.access),
        {
          trustedInterfaces: trusted_interfaces,
          trustedSources: trusted_sources,
          proxyContainer: /^container:(.+)$/.exec(settings.nginx.control)?.[1],
          labelPrefix: settings.label_prefix,
        },
      );
      return {
        ...policy,
        problems: [...access.flatMap((each) => each.problems), ...policy.problems],
      };
    },
    contested: (snapshot, listening) => contestedPorts(snapshot, listening, one),
  };
}

/** What Nginx and Portcullis listen on, whoever runs them. */
const ownPorts = ({ nginx, swarm }: Settings): PortKeys =>
  new Set([
    `tcp ${nginx.listen_http}`,
    `tcp ${nginx.listen_https}`,
    ...(nginx.http3 ? [`udp ${nginx.listen_https}`] : []),
    ...(swarm.port > 0 ? [`tcp ${swarm.port}`] : []),
  ]);

/** The ruleset for what is there now; where it cannot be seen whose a port is, it is no container's. */
export async function policyNow(settings: Settings, snapshot: Snapshot): Promise<FirewallPolicy> {
  const policy = createPolicy(settings);
  const { others, unseen } = await createClaims()((listening) =>
    policy.contested(snapshot, listening),
  );
  return policy.of(snapshot, { taken: new Set([...others, ...unseen]), foreign: others });
}

/** @throws {PortcullisError} `firewall-unavailable`: why nothing can be enforced here, and what to do */
export async function openBackend(
  settings: Settings,
  { source, run, signal }: { source: DockerSource; run: Run; signal: AbortSignal },
): Promise<FirewallBackend> {
  const refusal = refusalOf(await source.info(signal));
  if (refusal !== undefined) throw new PortcullisError('firewall-unavailable', refusal);
  return chooseBackend(run, settings.firewall.backend);
}

function refusalOf({ operatingSystem, rootless }: EngineInfo): string | undefined {
  if (/docker desktop/i.test(operatingSystem)) {
    return 'Docker Desktop publishes ports on the machine outside its VM, where no rule of ours can be: nothing is enforced; set firewall.mode to audit or off';
  }
  if (rootless) {
    return 'rootless Docker publishes ports from a namespace of its own user, which these rules do not cover: nothing is enforced; set firewall.mode to audit or off';
  }
  return undefined;
}
