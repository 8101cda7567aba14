/** The manual page, made from what the program itself knows of its commands. */

export type ManOption = { readonly flags: string; readonly description: string };

export type ManCommand = {
  /** `generate`, `firewall apply`. */
  readonly name: string;
  /** `[options] <shell>`. */
  readonly usage: string;
  readonly description: string;
  readonly options: readonly ManOption[];
};

export type ManSetting = {
  /** `nginx.dir` */
  readonly key: string;
  readonly meaning: string;
  readonly default: string;
  readonly choices: readonly string[] | undefined;
};

export type Manual = {
  readonly program: string;
  readonly version: string;
  readonly description: string;
  readonly options: readonly ManOption[];
  readonly commands: readonly ManCommand[];
  readonly settings: readonly ManSetting[];
};

/** Exit codes and files are the same for all commands. */
const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done, nothing wrong'],
  [1, 'it failed, and nothing is half-applied; standard error says what to do'],
  [2, 'wrong usage or wrong configuration'],
  [3, 'a check found something'],
  [
    4,
    'done, but not all as labels ask: a container was rejected, a site quarantined, or a certificate or a public port refused; standard error names it',
  ],
];

/** troff with the man macros, for `man` and `mandoc`. */
export function manPage(manual: Manual): string {
  const { program, version, description, options, commands, settings } = manual;
  return [
    `.TH ${program.toUpperCase()} 1 "" "${escaped(`${program} ${version}`)}"`,
    '.SH NAME',
    `${escaped(program)} \\- ${escaped(description)}`,
    '.SH SYNOPSIS',
    `.B ${escaped(program)}`,
    escaped('[global options] <command> [options]'),
    '.SH GLOBAL OPTIONS',
    ...options.flatMap(optionLines),
    '.SH COMMANDS',
    ...commands.flatMap((command) => [
      `.SS ${escaped(command.name)} ${escaped(command.usage)}`.trimEnd(),
      escaped(command.description),
      ...command.options.flatMap(optionLines),
    ]),
    '.SH SETTINGS',
    escaped(
      'Keys of the configuration file; a dot stands for a section, as in "nginx: { dir: ... }".',
    ),
    escaped('Each is an environment variable as well, as PORTCULLIS_NGINX_DIR for nginx.dir, with'),
    escaped('commas in lists. Options beat the environment, and that beats the file.'),
    ...settings.flatMap(settingLines),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, meaning]) => ['.TP', String(code), escaped(meaning)]),
    '.SH FILES',
    ...['./portcullis.yaml', '/etc/portcullis/portcullis.yaml'].flatMap((file) => [
      '.TP',
      escaped(file),
      'the configuration, the first that is there',
    ]),
    '',
  ].join('\n');
}

const optionLines = ({ flags, description }: ManOption): readonly string[] => [
  '.TP',
  `.B ${escaped(flags)}`,
  escaped(description),
];

const settingLines = (setting: ManSetting): readonly string[] => [
  '.TP',
  `.B ${escaped(setting.key)}`,
  escaped(setting.meaning),
  '.br',
  escaped(
    `Default: ${setting.default === '' ? 'empty' : setting.default}${setting.choices ? `; one of ${setting.choices.join(', ')}` : ''}`,
  ),
];

/** A leading dot or quote would be a request, a backslash an escape; a hyphen is to stay one. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');
