/** What `nginx -t` said, as a value. */

export type TestResult =
  | { readonly ok: true; readonly warnings: readonly string[] }
  | {
      readonly ok: false;
      /** Nginx's own words, all of them. */
      readonly output: string;
      readonly reason: string;
      readonly file?: string;
      readonly line?: number;
    };

/**
 * Nginx writes `nginx: [emerg] …` as long as it has no log, and `2030/01/31 12:00:00 [emerg] 12#12: …`
 * where its build sends the log to stderr, as Debian's does.
 */
const MESSAGE =
  /^(?:nginx: |\d{4}\/\d\d\/\d\d [\d:]{8} )\[(emerg|alert|crit|error|warn)\] (?:\d+#\d+: )?(.*)$/;
const PLACE = /^(.*) in (\/.*):(\d+)$/;

/** @param code exit code of `nginx -t` */
export function parseTestOutput(code: number, stderr: string): TestResult {
  const messages = stderr.split('\n').flatMap((line) => {
    const match = MESSAGE.exec(line.trimEnd());
    return match ? [{ level: match[1], text: match[2] ?? '' }] : [];
  });
  if (code === 0) {
    const warnings = messages.filter(({ level }) => level === 'warn').map(({ text }) => text);
    return { ok: true, warnings: [...new Set(warnings)] };
  }
  const worst =
    messages.find(({ level }) => level === 'emerg') ??
    messages.find(({ level }) => level !== 'warn');
  const text = worst?.text ?? `nginx -t ended with exit code ${code}`;
  const [, reason = text, file, line] = PLACE.exec(text) ?? [];
  return {
    ok: false,
    output: stderr.trim(),
    reason,
    ...(file !== undefined && { file, line: Number(line) }),
  };
}

/** Names that two server blocks claim; Nginx serves the first and ignores the other. */
export function conflictingNames(warnings: readonly string[]): readonly string[] {
  const names = warnings.map((text) => /^conflicting server name "(.*)" on /.exec(text)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}
