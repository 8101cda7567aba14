/** One line of iptables-save, taken into words: options with their values and what negates them. */
import { Unjudged } from './unjudged.ts';

export type Word = { readonly text: string; readonly quoted: boolean };

export function wordsOf(line: string): readonly Word[] {
  const words: Word[] = [];
  for (const [, quoted, bare] of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    if (quoted !== undefined) words.push({ text: quoted.replaceAll(/\\(.)/g, '$1'), quoted: true });
    else if (bare !== undefined) words.push({ text: bare, quoted: false });
  }
  return words;
}

/** `! --dport 80` -> name `--dport`, values [`80`], negated. */
export type RuleOption = {
  readonly name: string;
  readonly values: readonly string[];
  readonly negated: boolean;
};

/** The options of one match extension, or '' for those of iptables itself. */
export type Group = { readonly module: string; readonly options: readonly RuleOption[] };

export type ParsedRule = {
  readonly chain: string;
  readonly groups: readonly Group[];
  readonly target: {
    readonly name: string;
    readonly goto: boolean;
    readonly options: readonly RuleOption[];
  };
};

/** @throws {Unjudged} on a line that is no rule */
export function parseRule(line: string): ParsedRule {
  const words = wordsOf(line);
  if (words[0]?.text !== '-A' || words[1] === undefined) throw new Unjudged(line);
  const groups: { module: string; options: RuleOption[] }[] = [{ module: '', options: [] }];
  const target = { name: '', goto: false, options: new Array<RuleOption>() };
  let current: { values: string[] } | undefined;
  let negated = false;
  for (let at = 2; at < words.length; at++) {
    const { text = '', quoted = false } = words[at] ?? {};
    if (!quoted && text === '!') {
      negated = true;
    } else if (!quoted && (text === '-m' || text === '-j' || text === '-g')) {
      const name = words[++at]?.text ?? '';
      if (text === '-m') groups.push({ module: name, options: [] });
      else Object.assign(target, { name, goto: text === '-g' });
      current = undefined;
    } else if (!quoted && /^-{1,2}[a-z]/i.test(text)) {
      const option = { name: text, values: new Array<string>(), negated };
      // What follows the target is the target's.
      (target.name === '' ? groups.at(-1) : target)?.options.push(option);
      current = option;
      negated = false;
    } else current?.values.push(text);
  }
  return { chain: words[1].text, groups, target };
}
