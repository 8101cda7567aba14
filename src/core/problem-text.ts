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

/** A name as it is where that is harmless, else quoted and escaped. */
export function shownName(name: string): string {
  return /^[\w.:@/*-]{1,253}$/.test(name) ? name : shownValue(name);
}

/** `container web-1: label portcullis.port must be …, got "0x50"`. */
export function problemText({ container, label, reason, value }: Problem): string {
  const what = label === '' ? reason : `label ${shownName(label)} ${reason}`;
  return `container ${shownName(container)}: ${what}${value === undefined ? '' : `, got ${shownValue(value)}`}`;
}
