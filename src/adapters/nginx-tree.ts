/** Nginx text -> tree, by nginx-conf's parser. That parser takes unclosed blocks, so this also counts. */
import { parse } from 'nginx-conf/dist/src/parser.js';
import type { BlockNode } from '../core/block-tree.ts';

type RawNode = {
  readonly name: string;
  readonly value: string;
  readonly isBlock: boolean;
  readonly isVerbatim: boolean;
  readonly children: readonly RawNode[] | null;
};

const MARKER = 'portcullis_end_of_text';

/**
 * Reads Nginx text as a tree of directives, arguments split and unquoted as Nginx does it.
 *
 * @throws {Error} when the text cannot be read, or its blocks are not closed
 */
export function readTree(text: string): readonly BlockNode[] {
  let root: RawNode | undefined;
  let failure: { readonly message: string; readonly line?: number } | null = null;
  try {
    parse(`${text}\n${MARKER};\n`, (error, tree) => {
      failure = error;
      root = tree;
    });
  } catch (cause) {
    throw new Error('a "}" closes nothing', { cause });
  }
  const problem = failure as { readonly message: string; readonly line?: number } | null;
  if (problem) throw new Error(`line ${problem.line ?? 0}: ${problem.message}`);
  const nodes = (root?.children ?? []).map(toNode);
  // Only where every block is closed does the marker come out as the last directive of the top.
  const last = nodes.pop();
  if (last?.name !== MARKER || last.args.length > 0) throw new Error('a block is not closed');
  return nodes;
}

function toNode({ name, value, isBlock, isVerbatim, children }: RawNode): BlockNode {
  return {
    name: splitArguments(name)[0] ?? '',
    args: isVerbatim ? [value] : splitArguments(value),
    ...(isBlock && { children: (children ?? []).map(toNode) }),
  };
}

/** Splits as ngx_conf_read_token() does: quotes only count at the start of an argument. */
export function splitArguments(text: string): readonly string[] {
  const args: string[] = [];
  let index = 0;
  while (index < text.length) {
    if (/\s/.test(text[index] ?? '')) {
      index += 1;
      continue;
    }
    const quote = text[index];
    const quoted = quote === '"' || quote === "'";
    if (quoted) index += 1;
    let word = '';
    for (; index < text.length; index++) {
      const char = text[index] ?? '';
      if (quoted ? char === quote : /\s/.test(char)) break;
      if (char === '\\' && index + 1 < text.length) {
        index += 1;
        word += unescaped(text[index] ?? '');
      } else {
        word += char;
      }
    }
    index += 1;
    args.push(word);
  }
  return args;
}

function unescaped(char: string): string {
  if (char === 't') return '\t';
  if (char === 'r') return '\r';
  if (char === 'n') return '\n';
  return '"\'\\'.includes(char) ? char : `\\${char}`;
}
