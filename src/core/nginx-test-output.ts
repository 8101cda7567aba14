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

/** `nginx: [emerg] …`; once an error_log is known, `2026/01/31 12:00:00 [emerg] 1#1: …`. */
const MESSAGE =
  /^(?:nginx: |\d{4}\/\d\d\/\d\d [\d:]{8} )\[(emerg|alert|crit|error|warn)\] (?:\d+#\d+: )?(.*?)(?: in (\/[^:]+):(\d+))?$/;

/** @param code exit code of `nginx -t` */
export function parseTestOutput(code: number, stderr: string): TestResult {
  const messages = stderr.split('\n').flatMap((line) => {
    const match = MESSAGE.exec(line.trimEnd());
    return match ? [match] : [];
  });
  if (code === 0) {
    return {
      ok: true,
      warnings: messages.filter(([, level]) => level === 'warn').map(([, , text = '']) => text),
    };
  }
  const worst = messages.find(([, level]) => level !== 'warn');
  const [, , reason = `nginx -t ended with exit code ${code}`, file, line] = worst ?? [];
  return {
    ok: false,
    output: stderr.trim(),
    reason,
    ...(file !== undefined && { file, line: Number(line) }),
  };
}
