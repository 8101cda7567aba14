import { printable } from '../problem-text.ts';
import type { Check, CheckState } from './check.ts';

const WIDTH = 80;
const MARKS: Readonly<Record<CheckState, string>> = {
  ok: 'ok     ',
  warning: 'warning',
  problem: 'PROBLEM',
  'not checked': '-      ',
};
const COLOURS: Readonly<Record<CheckState, number>> = {
  ok: 32,
  warning: 33,
  problem: 31,
  'not checked': 2,
};

export const hasProblem = (checks: readonly Check[]): boolean =>
  checks.some(({ state }) => state === 'problem');

export function verdict(checks: readonly Check[]): string {
  const count = (state: CheckState): number => checks.filter((each) => each.state === state).length;
  const many = (amount: number, what: string): string =>
    `${amount} ${what}${amount === 1 ? '' : 's'}`;
  const unchecked = count('not checked') === 0 ? '' : `, ${count('not checked')} not checked`;
  const warnings = count('warning') === 0 ? '' : `, ${many(count('warning'), 'warning')}`;
  const problems = count('problem');
  const first = problems === 0 ? 'no problem' : many(problems, 'problem');
  return `${first}${warnings}${unchecked}`;
}

/** What could not be checked for a problem that is told already says so, instead of telling it again. */
export function toldOnce(checks: readonly Check[]): readonly Check[] {
  const problems = checks.filter(({ state }) => state === 'problem');
  return checks.map((check) => {
    if (check.state !== 'not checked') return check;
    const cause = problems.find(({ what }) => what === check.what);
    return cause ? { ...check, what: `because of the problem "${cause.name}"` } : check;
  });
}

/** The verdict, then each check with its fix below it, 80 columns wide. */
export function reportLines(checks: readonly Check[], colour: boolean): readonly string[] {
  return [
    verdict(checks),
    '',
    ...checks.flatMap((check) => {
      const mark = MARKS[check.state];
      const painted = colour ? `\u001B[${COLOURS[check.state]}m${mark}\u001B[0m` : mark;
      const [first = '', ...more] = folded(`${check.name}: ${check.what}`);
      const fix = check.fix === undefined ? [] : folded(`fix: ${check.fix}`);
      return [`${painted} ${first}`, ...[...more, ...fix].map((line) => `${' '.repeat(8)}${line}`)];
    }),
  ];
}

function folded(text: string): readonly string[] {
  const most = WIDTH - 8;
  const lines: string[] = [];
  for (const word of text.split(/\s+/).map(printable)) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
