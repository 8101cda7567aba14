/** What `nginx -V` says of the program. */

export type NginxBuild = {
  /** As `1.22.1`. */
  readonly version: string;
  /** `nginx`, or a relative: `openresty`, `freenginx`, `Tengine`, `angie`. */
  readonly product: string;
  /** As `http_v2`, `http_realip`, `stream`: built in, or to be loaded. */
  readonly modules: ReadonlySet<string>;
  /** Those that need a `load_module`. */
  readonly dynamicModules: ReadonlySet<string>;
  /** Folder for relative paths other than those of configuration files. */
  readonly prefix: string;
  readonly configPath: string;
  readonly pidPath: string;
  /** `stderr` on some builds. */
  readonly errorLogPath: string;
};

const FIRST_LINE = /^(?:nginx|freenginx|tengine|angie) version: (\w+)\/(\d+(?:\.\d+)+)/im;

/** Undefined when the text is not Nginx's. */
export function parseNginxBuild(text: string): NginxBuild | undefined {
  const [, product, version] = FIRST_LINE.exec(text) ?? [];
  if (product === undefined || version === undefined) return undefined;
  const line = /^configure arguments:(.*)$/m.exec(text)?.[1] ?? '';
  // --with-cc-opt='-O2 --with-x' holds words that are not options.
  const words = line.match(/(?:'[^']*'|[^\s'])+/g) ?? [];
  const options = new Map(words.map(splitOption));
  const modules = [...options].flatMap(([name, value]) => {
    const module = /^--with-(\w+?)(?:_module)?$/.exec(name)?.[1];
    return module === undefined || (value !== '' && value !== 'dynamic') ? [] : [{ module, value }];
  });
  const prefix = options.get('--prefix') ?? '/usr/local/nginx';
  const path = (option: string, fallback: string): string => {
    const value = options.get(option) ?? fallback;
    return value.startsWith('/') || value === 'stderr' ? value : `${prefix}/${value}`;
  };
  return {
    version,
    product,
    modules: new Set(modules.map(({ module }) => module)),
    dynamicModules: new Set(
      modules.filter(({ value }) => value === 'dynamic').map(({ module }) => module),
    ),
    prefix,
    configPath: path('--conf-path', 'conf/nginx.conf'),
    pidPath: path('--pid-path', 'logs/nginx.pid'),
    errorLogPath: path('--error-log-path', 'logs/error.log'),
  };
}

function splitOption(word: string): readonly [name: string, value: string] {
  const at = word.indexOf('=');
  if (at === -1) return [word, ''];
  return [word.slice(0, at), word.slice(at + 1).replaceAll("'", '')];
}
