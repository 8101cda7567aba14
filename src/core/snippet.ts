/** Directives that the administrator adds to one site. Read before they are used: half a block is an error. */
import { NginxSyntaxError, readBlocks, type LinedBlock } from './nginx-blocks.ts';
import type { Verbatim } from './nginx-quote.ts';

/** One line of a snippet, as a template writes it. */
export type SnippetLine = {
  /** The directive's name and arguments; empty where a block only ends. */
  readonly words: readonly Verbatim[];
  readonly kind: 'directive' | 'opens' | 'closes';
};

export type Snippet =
  | { readonly file: string; readonly lines: readonly SnippetLine[] }
  | { readonly file: string; readonly broken: string };

/** Snippets by file name: `shop.example.com.conf`, `default.location.conf`. */
export type Snippets = ReadonlyMap<string, Snippet>;

/** @param file its path, for messages */
export function readSnippet(file: string, text: string): Snippet {
  try {
    const blocks = readBlocks(text);
    const lua = firstLua(blocks);
    return lua === undefined
      ? { file, lines: blocks.flatMap(linesOf) }
      : { file, broken: `${file}:${lua.line}: ${lua.name} cannot be used in a snippet` };
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
    return { file, broken: `${file}:${error.line}: ${error.message}` };
  }
}

function linesOf({ name, args, children }: LinedBlock): readonly SnippetLine[] {
  const words = [name, ...args].map((verbatim) => ({ verbatim }));
  if (children === undefined) return [{ words, kind: 'directive' }];
  return [{ words, kind: 'opens' }, ...children.flatMap(linesOf), { words: [], kind: 'closes' }];
}

const firstLua = (blocks: readonly LinedBlock[]): LinedBlock | undefined => {
  for (const block of blocks) {
    if (block.name.endsWith('_by_lua_block')) return block;
    const inside = firstLua(block.children ?? []);
    if (inside) return inside;
  }
  return undefined;
};

/** The one for this host, else the one for all. */
export const snippetFor = (
  snippets: Snippets | undefined,
  stem: string,
  suffix: '.conf' | '.location.conf',
): Snippet | undefined => snippets?.get(`${stem}${suffix}`) ?? snippets?.get(`default${suffix}`);
