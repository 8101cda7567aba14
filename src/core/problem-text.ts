import { COMPAT_VARIABLES } from './compat/nginx-proxy.ts';
import type { Problem } from './model.ts';

const MAX_SHOWN = 80;

/** A value as one line of printable ASCII, cut when long: safe for a terminal and a log. */
export function shownValue(value: string): string {
  const cut = value.length > MAX_SHOWN ? value.slice(0, MAX_SHOWN) : value;
  const printable = JSON.stringify(cut).replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return value.length > MAX_SHOWN ? `${printable}... (${value.length} characters)` : printable;
}

/** Text that may hold others' names, with escapes for what a terminal or a reader would take for something else. */
export const printable = (text: string): string =>
  text.replaceAll(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Control characters, what turns the direction of writing, separators of lines, halves of surrogate pairs. */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A name as it is where that is harmless, else quoted and escaped. */
export function shownName(name: string): string {
  return /^[\w.:@/*-]{1,253}$/.test(name) ? name : shownValue(name);
}

/** `container web-1: label portcullis.port must be …, got "0x50"`. */
export function problemText({ container, label, reason, value }: Problem): string {
  const why = printable(reason);
  const kind = COMPAT_VARIABLES.includes(label) ? 'variable' : 'label';
  const what = label === '' ? why : `${kind} ${shownName(label)} ${why}`;
  return `container ${shownName(container)}: ${what}${value === undefined ? '' : `, got ${shownValue(value)}`}`;
}

/** What became of the container, or of its site. */
export function problemKind({
  quarantined,
  served,
}: Problem): 'quarantined' | 'warning' | 'rejected' {
  if (quarantined) return 'quarantined';
  return served ? 'warning' : 'rejected';
}
