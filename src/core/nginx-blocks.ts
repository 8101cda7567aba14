/**
 * Reads Nginx configuration text by the rules of ngx_conf_read_token() (src/core/ngx_conf_file.c),
 * which are not those of other languages: a quote inside a word is an ordinary character, `{` after
 * `$` belongs to the word, `}` ends a block only where a directive may start.
 */
import type { BlockNode } from './block-tree.ts';

/** A directive with its place. */
export type LinedBlock = Omit<BlockNode, 'children'> & {
  /** Line of the directive's first character, from 1. */
  readonly line: number;
  /** Offset of the directive's first character. */
  readonly start: number;
  /** Offset after its `;`, or after the `{` of a block. */
  readonly end: number;
  readonly children?: readonly LinedBlock[];
};

export class NginxSyntaxError extends Error {
  override readonly name = 'NginxSyntaxError';
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

type Words = { readonly words: readonly string[]; readonly start: number; readonly line: number };

/** @throws {NginxSyntaxError} where Nginx would stop reading */
export function readBlocks(text: string): readonly LinedBlock[] {
  const scanner = new Scanner(text);
  return readLevel(scanner, undefined);
}

function readLevel(scanner: Scanner, opened: number | undefined): readonly LinedBlock[] {
  const nodes: LinedBlock[] = [];
  for (;;) {
    const { ending, words, start, line } = scanner.directive();
    const [name = '', ...args] = words;
    const place = { name, line, start, end: scanner.offset };
    switch (ending) {
      case ';':
        nodes.push({ ...place, args });
        break;
      case '{':
        nodes.push(
          name.endsWith('_by_lua_block')
            ? { ...place, args: [...args, scanner.luaBlock()] }
            : { ...place, args, children: readLevel(scanner, line) },
        );
        break;
      case '}':
        if (opened === undefined) throw new NginxSyntaxError('unexpected "}"', scanner.line);
        return nodes;
      case 'end':
        if (opened === undefined) return nodes;
        throw new NginxSyntaxError(
          `unexpected end of file, the block of line ${opened} is not closed`,
          scanner.line,
        );
    }
  }
}

const SPACE = new Set([' ', '\t', '\r', '\n']);
const UNESCAPED: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  t: '\t',
  r: '\r',
  n: '\n',
};

class Scanner {
  readonly #text: string;
  offset = 0;
  line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next directive's words, and what ended it. */
  directive(): Words & { readonly ending: ';' | '{' | '}' | 'end' } {
    const words: string[] = [];
    let start = this.offset;
    let line = this.line;
    for (;;) {
      this.#skipBlank();
      const character = this.#text[this.offset];
      if (words.length === 0) {
        start = this.offset;
        line = this.line;
      }
      if (character === undefined) {
        if (words.length === 0) return { ending: 'end', words, start, line };
        throw new NginxSyntaxError('unexpected end of file, expecting ";" or "}"', this.line);
      }
      if (character === ';' || character === '{') {
        if (words.length === 0) this.#unexpected(character);
        this.offset += 1;
        return { ending: character, words, start, line };
      }
      if (character === '}') {
        if (words.length > 0) this.#unexpected(character);
        this.offset += 1;
        return { ending: character, words, start, line };
      }
      words.push(character === '"' || character === "'" ? this.#quoted(character) : this.#bare());
    }
  }

  /** Lua's own text up to the brace that closes it. */
  luaBlock(): string {
    const opened = this.line;
    const from = this.offset;
    for (let depth = 1; this.offset < this.#text.length; this.#advance()) {
      const character = this.#text[this.offset];
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      if (depth > 0) continue;
      const lua = this.#text.slice(from, this.offset);
      this.offset += 1;
      return lua;
    }
    throw new NginxSyntaxError(`the Lua block of line ${opened} is not closed`, this.line);
  }

  #skipBlank(): void {
    for (;;) {
      const character = this.#text[this.offset];
      if (character === undefined) return;
      if (character === '#') {
        const end = this.#text.indexOf('\n', this.offset);
        this.offset = end === -1 ? this.#text.length : end;
      } else if (SPACE.has(character)) {
        this.#advance();
      } else {
        return;
      }
    }
  }

  #quoted(quote: string): string {
    const opened = this.line;
    this.offset += 1;
    const from = this.offset;
    while (this.offset < this.#text.length && this.#text[this.offset] !== quote) {
      if (this.#text[this.offset] === '\\') this.#advance();
      this.#advance();
    }
    if (this.offset >= this.#text.length) {
      throw new NginxSyntaxError(`the quote of line ${opened} is not closed`, this.line);
    }
    const word = unescapeWord(this.#text.slice(from, this.offset));
    this.offset += 1;
    const next = this.#text[this.offset];
    if (next !== undefined && !SPACE.has(next) && !';{)'.includes(next)) this.#unexpected(next);
    return word;
  }

  #bare(): string {
    const from = this.offset;
    let afterDollar = false;
    while (this.offset < this.#text.length) {
      const character = this.#text[this.offset] ?? '';
      const ofVariable = character === '{' && afterDollar;
      if (!ofVariable && (SPACE.has(character) || character === ';' || character === '{')) break;
      // As in Nginx, `$` stays in force over the `{` that follows it.
      if (!ofVariable) afterDollar = character === '$';
      if (character === '\\') this.#advance();
      this.#advance();
    }
    return unescapeWord(this.#text.slice(from, this.offset));
  }

  #advance(): void {
    if (this.#text[this.offset] === '\n') this.line += 1;
    this.offset += 1;
  }

  #unexpected(character: string): never {
    throw new NginxSyntaxError(`unexpected "${character}"`, this.line);
  }
}

const unescapeWord = (raw: string): string =>
  raw.replaceAll(/\\(["'\\trn])/g, (_match, character: string) => UNESCAPED[character] ?? '');
