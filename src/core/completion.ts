/** Scripts for shells, made from what the program itself knows of its commands. */

export type CompletionOption = {
  /** `--format`, `-c`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** `file`, `folder`, the choices, or nothing where it takes no value or any. */
  readonly value: 'none' | 'any' | 'file' | 'folder' | readonly string[];
};

export type CompletionCommand = {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletionOption[];
  /** Subcommands, or the choices of an argument. */
  readonly words: readonly string[];
};

export type Completion = {
  readonly program: string;
  readonly options: readonly CompletionOption[];
  readonly commands: readonly CompletionCommand[];
};

const flagsOf = (options: readonly CompletionOption[]): readonly string[] =>
  options.flatMap(({ flags }) => flags);

/** Options that take a value, told apart by what is offered for it. */
function valueCases(
  { options, commands }: Completion,
  line: (flags: string, value: CompletionOption['value']) => string,
): readonly string[] {
  const all = [...options, ...commands.flatMap((command) => command.options)];
  const byFlags = new Map(all.map((option) => [option.flags.join('|'), option.value]));
  return [...byFlags].flatMap(([flags, value]) => (value === 'none' ? [] : [line(flags, value)]));
}

export function bashCompletion(completion: Completion): string {
  const { program, options, commands } = completion;
  const offered = (value: CompletionOption['value']): string => {
    if (value === 'file') return 'compgen -f -- "$cur"';
    if (value === 'folder') return 'compgen -d -- "$cur"';
    return value === 'any' || value === 'none' ? ':' : `compgen -W "${value.join(' ')}" -- "$cur"`;
  };
  const names = commands.map(({ name }) => name);
  return `# bash completion for ${program}
_${program}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${names.join('|')}) command=$word; break ;;
    esac
  done
  case $prev in
${valueCases(completion, (flags, value) => `    ${flags}) mapfile -t COMPREPLY < <(${offered(value)}); return ;;`).join('\n')}
  esac
  case $command in
${commands.map((each) => `    ${each.name}) words="${[...each.words, ...flagsOf(each.options)].join(' ')}" ;;`).join('\n')}
    *) words="${[...names, ...flagsOf(options)].join(' ')}" ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F _${program} ${program}
`;
}

export function zshCompletion(completion: Completion): string {
  const { program, options, commands } = completion;
  const offered = (value: CompletionOption['value']): string => {
    if (value === 'file') return '_files';
    if (value === 'folder') return '_files -/';
    return value === 'any' || value === 'none' ? ':' : `compadd -- ${value.join(' ')}`;
  };
  const names = commands.map(({ name }) => name);
  return `#compdef ${program}
_${program}() {
  local command= word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $word in
      (${names.join('|')}) command=$word; break ;;
    esac
  done
  case $words[CURRENT-1] in
${valueCases(completion, (flags, value) => `    (${flags}) ${offered(value)}; return ;;`).join('\n')}
  esac
  case $command in
${commands.map((each) => `    (${each.name}) compadd -- ${[...each.words, ...flagsOf(each.options)].join(' ')} ;;`).join('\n')}
    (*) compadd -- ${[...names, ...flagsOf(options)].join(' ')} ;;
  esac
}
compdef _${program} ${program}
`;
}

export function fishCompletion({ program, options, commands }: Completion): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  const option = (when: string, { flags, description, value }: CompletionOption): string => {
    const names = flags.map((flag) =>
      flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    const taken =
      value === 'none'
        ? []
        : value === 'any'
          ? ['-x']
          : value === 'file'
            ? ['-r -F']
            : value === 'folder'
              ? ["-x -a '(__fish_complete_directories)'"]
              : [`-x -a ${quoted(value.join(' '))}`];
    return [`complete -c ${program}`, when, ...names, ...taken, `-d ${quoted(description)}`]
      .filter(Boolean)
      .join(' ');
  };
  return [
    `# fish completion for ${program}`,
    `complete -c ${program} -f`,
    ...options.map((each) => option('', each)),
    ...commands.map(
      ({ name, description }) =>
        `complete -c ${program} -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    ...commands.flatMap(({ name, options: own, words }) => {
      const when = `-n '__fish_seen_subcommand_from ${name}'`;
      return [
        ...(words.length > 0
          ? [`complete -c ${program} ${when} -a ${quoted(words.join(' '))}`]
          : []),
        ...own.map((each) => option(when, each)),
      ];
    }),
    '',
  ].join('\n');
}
