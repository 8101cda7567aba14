/** Arguments that several commands take. */
import { InvalidArgumentError, Option } from 'commander';

const pathOf =
  (what: 'file' | 'folder') =>
  (path: string): string => {
    if (path === '') throw new InvalidArgumentError(`It must be the path of a ${what}.`);
    return path;
  };

/** An option whose value is the path of a file or of a folder; an empty one is wrong usage. */
export const pathOption = (
  flags: string,
  description: string,
  what: 'file' | 'folder' = 'file',
): Option => new Option(flags, description).argParser(pathOf(what));

export const fromOption = (): Option =>
  pathOption(
    '--from <file>',
    'read containers from a JSON file ("-": standard input) instead of Docker',
  );

/** What `explain` is asked about: of a URL its host. Digits may be the start of an id; five or fewer are a port. */
export function askedAbout(text: string): string {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text).hostname;
  if (text === '') throw new InvalidArgumentError('It must be a host, a container or a port.');
  if (/^\d{1,5}$/.test(text) && (Number(text) < 1 || Number(text) > 65_535)) {
    throw new InvalidArgumentError('A port is from 1 to 65535.');
  }
  return text;
}
