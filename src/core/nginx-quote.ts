/** Text of the administrator, not of a label: its variables and line ends are meant. */
export type Verbatim = { readonly verbatim: string };

const isVerbatim = (value: unknown): value is Verbatim =>
  typeof value === 'object' &&
  value !== null &&
  'verbatim' in value &&
  typeof value.verbatim === 'string';

const BARE = /^[A-Za-z0-9_./:@+=~()[\]*,-]+$/;

/**
 * A value as exactly one argument of an Nginx directive. Quotes do not stop variables, and no escape
 * exists for `$`, so a value with one is refused; so are control characters.
 *
 * @throws {RangeError} on `$` and control characters: nothing that validation lets through has them
 */
export function nginxQuote(value: unknown): string {
  const verbatim = isVerbatim(value);
  const text = verbatim ? value.verbatim : String(value);
  if (verbatim ? /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) : !isQuotable(text)) {
    throw new RangeError(`cannot be an Nginx argument: ${JSON.stringify(text.slice(0, 80))}`);
  }
  if (BARE.test(text) && !text.startsWith('~')) return text;
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Whether `nginxQuote` takes it. */
export const isQuotable = (text: string): boolean => !/[\x00-\x1f\x7f$]/.test(text);
