import { shownName } from '../problem-text.ts';
import type { Container } from '../model.ts';
import type { Settings } from '../settings-schema.ts';
import { notChecked, ok, problem, warning, type Check, type Fact } from './check.ts';

export type PortHolder = { readonly port: number; readonly pid: number; readonly program: string };

export type Resolved = {
  readonly name: string;
  /** Empty: a resolver says that there is no such name. */
  readonly addresses: readonly string[];
  readonly own: readonly string[];
};

export type HostFacts = {
  /** Undefined: there is none. */
  readonly settingsFile: string | undefined;
  readonly holders: Fact<readonly PortHolder[]>;
  readonly containers: Fact<readonly Container[]>;
  readonly wildcard: Fact<Resolved>;
  /** Other firewalls that are active. */
  readonly firewalls: Fact<readonly string[]>;
  readonly watching: Fact<boolean>;
  readonly watchUnit: Fact<WatchUnitState>;
};

export type WatchUnitState =
  'running' | 'missing' | 'outdated' | 'not enabled' | 'not running' | 'no systemd';

export function hostChecks(facts: HostFacts, settings: Settings): readonly Check[] {
  return [
    settingsFile(facts),
    ports(facts, settings),
    otherProxies(facts, settings),
    dns(facts, settings),
    firewalls(facts),
    watching(facts),
    watchUnit(facts),
  ];
}

function settingsFile(facts: HostFacts): Check {
  if (facts.settingsFile !== undefined) return ok('settings', `${facts.settingsFile} is valid`);
  const fix = 'write "domain: <your domain>" to /etc/portcullis/portcullis.yaml';
  return warning('settings', 'there is no settings file: the defaults are in force', fix);
}

/** Docker's own listeners are told by container in `otherProxies`. */
function ports({ holders }: HostFacts, { nginx }: Settings): Check {
  const name = 'ports';
  if (!holders.known) return notChecked(name, holders.why);
  const strangers = holders.value.filter(
    ({ program }) => program !== 'nginx' && program !== 'docker-proxy',
  );
  const http = strangers.find(({ port }) => port === nginx.listen_http);
  const https = strangers.find(({ port }) => port === nginx.listen_https);
  const held = http ?? https;
  if (!held) {
    const taken = holders.value.some(({ port }) => port === nginx.listen_http);
    const which = `${nginx.listen_http} and ${nginx.listen_https}`;
    return ok(name, `${which} are held by nobody else${taken ? '' : '; nothing listens yet'}`);
  }
  const what = `port ${held.port} is held by ${shownName(held.program)} (pid ${held.pid})`;
  const fix = `kill ${held.pid}, or set nginx.listen_http${http ? '' : 's'} to another port`;
  return http ? problem(name, what, fix) : warning(name, what, fix);
}

function otherProxies({ containers }: HostFacts, { nginx }: Settings): Check {
  const name = 'other proxies';
  if (!containers.known) return notChecked(name, containers.why);
  const own = /^container:(.+)$/.exec(nginx.control)?.[1];
  const wanted = [nginx.listen_http, nginx.listen_https];
  const held = containers.value.flatMap((container) =>
    container.name === own || (own !== undefined && container.id.startsWith(own))
      ? []
      : container.published
          .filter(({ protocol, hostPort }) => protocol === 'tcp' && wanted.includes(hostPort))
          .map(({ hostPort }) => ({ container: container.name, hostPort })),
  );
  const [first] = held;
  if (!first) return ok(name, `no container publishes ${wanted.join(' or ')}`);
  const what = `container ${shownName(first.container)} publishes port ${first.hostPort}`;
  return problem(name, what, `docker stop ${first.container}`);
}

function dns({ wildcard }: HostFacts, { domain }: Settings): Check {
  const name = 'dns';
  if (!wildcard.known) return notChecked(name, wildcard.why);
  const { addresses, own } = wildcard.value;
  const fix = `point *.${domain} at this host in your DNS`;
  if (addresses.length === 0) return warning(name, `*.${domain} does not resolve`, fix);
  if (addresses.some((address) => own.includes(address))) {
    return ok(name, `*.${domain} resolves to this host`);
  }
  const what = `*.${domain} resolves to ${addresses.join(', ')}, no address of this host`;
  return warning(name, what, `${fix}, unless a router or a CDN passes it on`);
}

function firewalls(facts: HostFacts): Check {
  const name = 'other firewalls';
  if (!facts.firewalls.known) return notChecked(name, facts.firewalls.why);
  const active = facts.firewalls.value;
  if (active.length === 0) return ok(name, 'neither ufw nor firewalld is active');
  const command = active.includes('ufw')
    ? 'ufw allow 80,443/tcp'
    : 'firewall-cmd --permanent --add-service=http --add-service=https';
  const what = `${active.join(' and ')} active: it must let Nginx be reached`;
  return warning(name, what, command);
}

function watching(facts: HostFacts): Check {
  if (!facts.watching.known) return notChecked('watch', facts.watching.why);
  if (facts.watching.value) return ok('watch', 'is running');
  return warning('watch', 'is not running: containers are not followed', 'portcullis watch');
}

/** A watch that is started in another way, as in a container, needs no unit. */
function watchUnit({ watchUnit: state, watching: runs }: HostFacts): Check {
  const name = 'watch unit';
  if (!state.known) return notChecked(name, state.why);
  const running = runs.known && runs.value;
  switch (state.value) {
    case 'running':
      return ok(name, 'portcullis.service is enabled and runs');
    case 'missing': {
      const what = running
        ? 'no portcullis.service: something else must start the watch after a boot'
        : 'no portcullis.service: nothing starts the watch';
      return warning(name, what, 'portcullis init --enable');
    }
    case 'outdated':
      return warning(
        name,
        'portcullis.service is not the one of these settings',
        'portcullis init',
      );
    case 'not enabled': {
      const what = 'portcullis.service is not enabled: nothing starts the watch after a boot';
      return warning(name, what, 'systemctl enable --now portcullis');
    }
    case 'not running': {
      const fix = 'journalctl -u portcullis -n 20, then systemctl restart portcullis';
      return problem(name, 'portcullis.service is enabled, but does not run', fix);
    }
    case 'no systemd':
    default:
      return notChecked(name, 'this host does not run systemd');
  }
}
