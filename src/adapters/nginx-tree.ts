import { NginxParser, type NginxParseTreeNode } from 'nginx-conf/dist/src/parser.js';
import type { BlockNode } from '../core/block-tree.ts';
import { readBlocks } from '../core/nginx-blocks.ts';

/**
 * Reads Nginx text into its blocks and directives. Two readers that know nothing of each other must
 * agree: nginx-conf, and one that follows Nginx's own source. Text that they read differently has
 * something that people and tools misread too, as a quote inside a word.
 *
 * @throws {Error} when blocks are not closed, something follows the end, or the readers disagree
 */
export function readTree(text: string): readonly BlockNode[] {
  const meant = readBlocks(text).map(withoutPlace);
  const difference = firstDifference(meant, secondReading(text));
  if (difference !== undefined) {
    throw new Error(`this Nginx text is read in two ways, at "${difference}": put it in quotes`);
  }
  return meant;
}

function secondReading(text: string): readonly BlockNode[] {
  try {
    return parse(withoutComments(text)).map(toBlock);
  } catch (cause) {
    throw new Error('nginx-conf does not read this Nginx text as Nginx does', { cause });
  }
}

type PlacedNode = BlockNode & { readonly children?: readonly PlacedNode[] };

const withoutPlace = ({ name, args, children }: PlacedNode): BlockNode => ({
  name,
  args,
  ...(children && { children: children.map(withoutPlace) }),
});

function parse(text: string): readonly NginxParseTreeNode[] {
  const read: { error?: Error | null; root?: NginxParseTreeNode | undefined } = {};
  // The callback is called before parse() returns.
  new NginxParser().parse(text, (error, root) => Object.assign(read, { error, root }));
  if (read.error) throw new Error('nginx-conf cannot read this text', { cause: read.error });
  return read.root?.children ?? [];
}

function toBlock(node: NginxParseTreeNode): BlockNode {
  if (node.isVerbatim) return { name: node.name, args: [node.value] };
  const [words] = readBlocks(`${node.name} ${node.value};`);
  const { name = '', args = [] } = words ?? {};
  return { name, args, ...(node.isBlock && { children: (node.children ?? []).map(toBlock) }) };
}

/** nginx-conf takes `a b #c;` for three arguments; a comment is no part of what is compared. */
function withoutComments(text: string): string {
  if (!text.includes('#')) return text;
  return text.replaceAll(
    /("(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|(?:\\[^]|[^\s"'#\\;{}])(?:\\[^]|[^\s\\;{])*)|#[^\n]*/g,
    (_match, kept: string | undefined) => kept ?? '',
  );
}

function firstDifference(
  left: readonly BlockNode[],
  right: readonly BlockNode[],
): string | undefined {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const a = left[index];
    const b = right[index];
    if (!a || !b) return (a ?? b)?.name ?? '';
    if (JSON.stringify([a.name, a.args]) !== JSON.stringify([b.name, b.args])) return a.name;
    if (!a.children !== !b.children) return a.name;
    const inner = firstDifference(a.children ?? [], b.children ?? []);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
