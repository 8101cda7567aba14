/** What a label's text was read as, or one sentence that says what would be right. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Reads the text of one label. Pure; never throws. */
export type Parser<T> = (text: string) => Parsed<T>;

export const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const wrong = (reason: string): Parsed<never> => ({ ok: false, reason });

export function oneOf<const T extends string>(...words: readonly T[]): Parser<T> {
  const quoted = words.map((word) => `"${word}"`);
  const list = [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].join(' or ');
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    return word === undefined ? wrong(`must be ${list}`) : ok(word);
  };
}

export const bool: Parser<boolean> = (text) => {
  if (text === 'true' || text === 'false') return ok(text === 'true');
  return wrong('must be "true" or "false"');
};

/** Text that matches `pattern` whole; `rule` completes the sentence "must …". */
export function matching(pattern: RegExp, rule: string): Parser<string> {
  return (text) => (pattern.test(text) ? ok(text) : wrong(rule));
}

/** Digits only: Number() would take '', '0x50' and '1e3'. */
export function wholeNumber(least: number, most: number): Parser<number> {
  return (text) => {
    if (!/^\d{1,9}$/.test(text)) return wrong(`must be a whole number from ${least} to ${most}`);
    const value = Number(text);
    return value >= least && value <= most ? ok(value) : wrong(`must be from ${least} to ${most}`);
  };
}

/** A comma list without empty items; spaces around an item are dropped. Repeated items count once. */
export function listOf<T>(item: Parser<T>, most = 100): Parser<readonly T[]> {
  return (text) => {
    const values: T[] = [];
    const seen = new Set<string>();
    const parts = text.split(',', most + 1);
    if (parts.length > most) return wrong(`must have at most ${most} items`);
    for (const part of parts) {
      const parsed = item(part.trim());
      if (!parsed.ok) return parts.length === 1 ? parsed : wrong(`${parsed.reason}, in each item`);
      const key = JSON.stringify(parsed.value);
      if (!seen.has(key)) values.push(parsed.value);
      seen.add(key);
    }
    return ok(values);
  };
}
