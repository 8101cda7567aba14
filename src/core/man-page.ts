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

export type Manual = {
  readonly program: string;
  readonly version: string;
  readonly description: string;
  readonly options: readonly ManOption[];
  readonly commands: readonly ManCommand[];
};

/** Exit codes and files are the same for all commands. */
const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done, nothing wrong'],
  [1, 'it failed, and nothing is half-applied; standard error says what to do'],
  [2, 'wrong usage or wrong configuration'],
  [3, 'a check found something'],
  [4, 'done, but a container was rejected or a site quarantined'],
];

/** troff with the man macros, for `man` and `mandoc`. */
export function manPage({ program, version, description, options, commands }: Manual): string {
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

/** A leading dot or quote would be a request, a backslash an escape; a hyphen is to stay one. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');
