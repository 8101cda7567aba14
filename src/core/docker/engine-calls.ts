/** Every call of the Docker Engine API that this program makes: SECURITY.md, compose.socket-proxy.yaml and a proxy in the lab are held against it. */
export type EngineCall = {
  readonly method: 'GET' | 'POST';
  /** `<id>` is a name or an id. */
  readonly path: string;
  /** True: only with `nginx.control: container:<name>`. */
  readonly nginxInContainer?: true;
};

export const ENGINE_CALLS: readonly EngineCall[] = [
  { method: 'GET', path: '/containers/json' },
  { method: 'GET', path: '/containers/<id>/json' },
  { method: 'GET', path: '/networks' },
  { method: 'GET', path: '/networks/<id>' },
  { method: 'GET', path: '/services' },
  { method: 'GET', path: '/services/<id>' },
  { method: 'GET', path: '/events' },
  { method: 'GET', path: '/info' },
  { method: 'GET', path: '/version' },
  { method: 'POST', path: '/containers/<id>/exec', nginxInContainer: true },
  { method: 'POST', path: '/exec/<id>/start', nginxInContainer: true },
  { method: 'GET', path: '/exec/<id>/json', nginxInContainer: true },
  { method: 'POST', path: '/containers/<id>/kill', nginxInContainer: true },
  { method: 'GET', path: '/containers/<id>/archive', nginxInContainer: true },
];

/** The call that a request is; undefined: none of ours. */
export const engineCallOf = (method: string, path: string): EngineCall | undefined =>
  ENGINE_CALLS.find(
    (call) => call.method === method && patternOf(call).test(path.split('?')[0] ?? ''),
  );

const patternOf = ({ path }: EngineCall): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('<id>', '[A-Za-z0-9_.-]+')}$`);
