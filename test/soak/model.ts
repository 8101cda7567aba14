/**
 * What should be, told from `docker inspect` alone. It is written a second time here on purpose: nothing of
 * src/core is used, so that a mistake there does not excuse itself.
 */
export type Inspected = {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Health?: { readonly Status: string };
  };
  readonly Config: { readonly Hostname: string; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: {
    readonly NetworkMode: string;
    readonly PortBindings: Bindings | null;
  };
  readonly NetworkSettings: {
    readonly Ports: Bindings | null;
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
};

type Bindings = Readonly<
  Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
>;

export type Expected = {
  /** By host and path. */
  readonly routes: ReadonlyMap<string, ExpectedRoute>;
  readonly ports: readonly ExpectedPort[];
};

export type ExpectedRoute = {
  readonly host: string;
  readonly path: string;
  /** Each of `names` answers; or one of them, always the same; or nobody does, with 503. */
  readonly who: 'each' | 'one' | 'nobody';
  /** Host names of containers. */
  readonly names: readonly string[];
};

export type ExpectedPort = {
  readonly container: string;
  /** `host`, or an IP address. */
  readonly address: string;
  readonly port: number;
  readonly open: boolean;
};

export function expectedOf(containers: readonly Inspected[]): Expected {
  const claims = new Map<string, Claim[]>();
  for (const container of containers) {
    const claim = claimOf(container);
    if (!claim) continue;
    const key = `${claim.host}${claim.path}`;
    claims.set(key, [...(claims.get(key) ?? []), claim]);
  }
  return {
    routes: new Map([...claims].map(([key, among]) => [key, routeOf(among)])),
    ports: containers.flatMap(portsOf),
  };
}

type Claim = {
  readonly host: string;
  readonly path: string;
  readonly owner: string;
  readonly name: string;
  readonly ready: boolean;
};

/** Every shape of the soak asks for one route at most. */
function claimOf({ Id, State, Config, HostConfig, NetworkSettings }: Inspected): Claim | undefined {
  const labels = Config.Labels;
  const named = labels['portcullis.host'];
  if (!State.Running || State.Paused) return undefined;
  if (!Object.keys(labels).some((key) => key.startsWith('portcullis.'))) return undefined;
  if (labels['portcullis.enable'] === 'false') return undefined;
  if (named !== undefined && !/^[a-z0-9.-]+$/.test(named)) return undefined;
  const port =
    HostConfig.NetworkMode === 'host'
      ? labels['portcullis.port']
      : NetworkSettings.Ports?.['80/tcp']?.[0]?.HostPort;
  if (port === undefined) return undefined;
  return {
    host: named ?? `service-${port}.example.com`,
    path: labels['portcullis.path'] ?? '/',
    owner: labels['portcullis.group'] ?? Id,
    name: Config.Hostname,
    ready: State.Health === undefined || State.Health.Status === 'healthy',
  };
}

function routeOf(claims: readonly Claim[]): ExpectedRoute {
  const [{ host, path } = { host: '', path: '' }] = claims;
  const contested = new Set(claims.map(({ owner }) => owner)).size > 1;
  const names = claims.filter(({ ready }) => ready).map(({ name }) => name);
  const who = names.length === 0 ? 'nobody' : contested ? 'one' : 'each';
  return { host, path, who, names };
}

function portsOf({
  Name,
  State,
  Config,
  HostConfig,
  NetworkSettings,
}: Inspected): readonly ExpectedPort[] {
  const isPublic = Config.Labels['portcullis.public'] === 'true';
  const answers = State.Running && !State.Paused;
  const published = [HostConfig.PortBindings, NetworkSettings.Ports]
    .flatMap((bindings) => Object.values(bindings ?? {}).flatMap((each) => each ?? []))
    .filter(({ HostIp, HostPort }) => !HostIp.startsWith('127.') && Number(HostPort) > 0)
    .map(({ HostPort }) => Number(HostPort));
  if (HostConfig.NetworkMode === 'host') published.push(Number(Config.Labels['portcullis.port']));
  const hasPorts = Object.values(NetworkSettings.Ports ?? {}).some((each) => each !== null);
  return [
    ...(isPublic && (!answers || !hasPorts) ? [] : [...new Set(published)]).map((port) => ({
      ...{ container: Name, address: 'host', port },
      open: isPublic,
    })),
    ...(isPublic ? [] : Object.values(NetworkSettings.Networks)).flatMap(({ IPAddress }) =>
      IPAddress === '' ? [] : [{ container: Name, address: IPAddress, port: 80, open: false }],
    ),
  ];
}
